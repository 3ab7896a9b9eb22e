"""What `pipsqueak --help` prints."""

from seeclient.values import SETS

USAGE = f"""\
usage: pipsqueak                                            list the HSMs that answer
       pipsqueak generate alias=A [mldsacode=M] [token=T] [esn=E]      make an ML-DSA key
       pipsqueak generate alias=A algorithm=lms lmscode=L lmotscode=O
                 [expcards=N explease=N] [expchunk=N] [expcache=N] [slot=N] [esn=E]
                 [warnat=N] [replace=yes]                   replace=yes: give up a half-made key
       pipsqueak generate alias=A resume=yes                resume a half-made key
       pipsqueak list                                       list the keys of this host
       pipsqueak showinfo alias=A                           show a key, its HSMs and cards
       pipsqueak alias=A message=TEXT | msgfile=FILE [sigfile=FILE] [acknowledge=REASON]
                 [context=TEXT] [deterministic=yes]         when signing with ML-DSA
       pipsqueak alias=A msgdir=DIR sigdir=DIR [acknowledge=REASON]    sign each file of a folder
                 [partial=yes]                              also where there are too few leaves
       pipsqueak alias=A warnat=N                           change a threshold
       pipsqueak alias=A message=TEXT | msgfile=FILE verify=SIGFILE
                 [context=TEXT]                             when verifying with ML-DSA
       pipsqueak provesn=E slot=N                           move a lease from card to HSM
       --json  one JSON document instead of lines      --help  --version

lmscode    {SETS["lmscode"]}
lmotscode  {SETS["lmotscode"]}
           also as in RFC 8554 and RFC 9858: LMS_SHA256_M32_H5, LMOTS_SHA256_N32_W8, 5, 0x5
mldsacode  {SETS["mldsacode"]}
token      name of an operator card set that is to protect the key; see preload
msgfile    - is standard input
sigfile    - is standard output, which then has nothing else
sigdir     gets NAME.sig for each file NAME below msgdir; good signatures there are left alone, so
           that the same command goes on after an interruption
expcards   2^N smart cards with 2^explease leases each; both 0: all leaves in one HSM
expchunk   2^N leaves in one step         expcache  levels of the tree kept for loading
warnat     the last N signatures of each lease need acknowledge=REASON, which the ledger keeps

exit code  0 done, 1 refused, 2 invalid command line, 130 interrupted
HSMs are found in $SEEMACHINE_FLEET (host:port,...) or the world folder ($SEEMACHINE_HOME).
PIPSQUEAK_COMPAT=1.4.1 brings back the quirks of that version.
"""
