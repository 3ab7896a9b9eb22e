/* Sixteen lanes of SHA-256 and eight of SHAKE256 in the 512-bit registers of AVX-512. */
#include "kernel.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#include "constants.h"

#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))

/* The words of a row of n bytes. */
INLINE TARGET __mmask8 row_mask(unsigned n)
{
    return (__mmask8)((1u << n / 4) - 1);
}

/* Big-endian words to numbers, and back. */
INLINE TARGET __m512i swap_bytes(__m512i words)
{
    const __m128i swap = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    return _mm512_shuffle_epi8(words, _mm512_broadcast_i32x4(swap));
}

/* Of four registers, each of four quarters of four words: word k of in[r]'s quarters becomes word r of out[k]'s. */
INLINE TARGET void turn_quarters(__m512i out[4], const __m512i in[4])
{
    __m512i low01 = _mm512_unpacklo_epi32(in[0], in[1]), high01 = _mm512_unpackhi_epi32(in[0], in[1]);
    __m512i low23 = _mm512_unpacklo_epi32(in[2], in[3]), high23 = _mm512_unpackhi_epi32(in[2], in[3]);
    out[0] = _mm512_unpacklo_epi64(low01, low23);
    out[1] = _mm512_unpackhi_epi64(low01, low23);
    out[2] = _mm512_unpacklo_epi64(high01, high23);
    out[3] = _mm512_unpackhi_epi64(high01, high23);
}

/* Sixteen rows of n bytes to lanes: word k of row r goes to lane r of word[k]. In between, `left` and `right` have words 0 to 3 and 4 to 7
 * of rows r, r + 4, r + 8 and r + 12.
 */
INLINE TARGET void load_rows(__m512i word[8], const uint8_t *const at[16], size_t offset, unsigned n)
{
    const __m512i first = _mm512_set_epi64(13, 12, 9, 8, 5, 4, 1, 0), second = _mm512_set_epi64(15, 14, 11, 10, 7, 6, 3, 2);
    __m512i left[4], right[4];
    for (unsigned row = 0; row < 4; row++) {
        __m512i pair[2];
        for (unsigned half = 0; half < 2; half++) {
            __m256i upper = _mm256_maskz_loadu_epi32(row_mask(n), at[row + 8 * half] + offset);
            __m256i lower = _mm256_maskz_loadu_epi32(row_mask(n), at[row + 8 * half + 4] + offset);
            pair[half] = swap_bytes(_mm512_inserti64x4(_mm512_castsi256_si512(upper), lower, 1));
        }
        left[row] = _mm512_permutex2var_epi64(pair[0], first, pair[1]);
        right[row] = _mm512_permutex2var_epi64(pair[0], second, pair[1]);
    }
    turn_quarters(word, left);
    turn_quarters(word + 4, right);
}

/* And back. */
INLINE TARGET void store_rows(uint8_t *const at[16], const __m512i word[8], unsigned n)
{
    const __m512i first = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0), second = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);
    __m512i left[4], right[4];
    turn_quarters(left, word);
    turn_quarters(right, word + 4);
    for (unsigned row = 0; row < 4; row++)
        for (unsigned half = 0; half < 2; half++) {
            __m512i pair = swap_bytes(_mm512_permutex2var_epi64(left[row], half ? second : first, right[row]));
            _mm256_mask_storeu_epi32(at[row + 8 * half], row_mask(n), _mm512_castsi512_si256(pair));
            _mm256_mask_storeu_epi32(at[row + 8 * half + 4], row_mask(n), _mm512_extracti64x4_epi64(pair, 1));
        }
}

/* For each lane the word of its job, of MOST_JOBS. */
INLINE TARGET __m512i look_up(const uint32_t *word, const uint8_t job[16])
{
    const __m512i index = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)job));
    __m512i of[MOST_JOBS / 16];
    memcpy(of, word, sizeof of);
    __m512i low = _mm512_permutex2var_epi32(of[0], index, of[1]), high = _mm512_permutex2var_epi32(of[2], index, of[3]);
    return _mm512_mask_mov_epi32(low, _mm512_test_epi32_mask(index, _mm512_set1_epi32(32)), high);
}

#define LANES 16
#define WAYS 2
#define N(name) sha256_avx512_##name
#define MAJORITY(a, b, c) ((V)_mm512_ternarylogic_epi32((__m512i)(a), (__m512i)(b), (__m512i)(c), 0xe8))
#define LOAD_ROWS(word, at, offset, n) load_rows((__m512i *)(word), at, offset, n)
#define STORE_ROWS(at, word, n) store_rows(at, (const __m512i *)(word), n)
#define LOOK_UP(word, job) ((V)look_up(word, job))
#include "sha256.h"

#define LANES 8
#define WAYS 1
#define N(name) keccak_avx512_##name
#include "keccak.h"
#endif
