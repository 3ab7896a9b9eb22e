/* What sha256.h and keccak.h define and the next of them defines anew. */
#undef WORD
#undef BLOCK_WORDS
#undef STATE_WORDS
#undef HEAD_WORDS
#undef TAIL_WORDS
#undef LOAD_WORD
#undef STORE_WORD
#undef ONE_STEP
#undef INDEX
#undef PADDING
#undef V
#undef N
#undef LANES
#undef WAYS
