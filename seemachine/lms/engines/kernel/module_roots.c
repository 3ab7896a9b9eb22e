/* The glue to Python of roots.c: checks every length, lets go of the interpreter lock while kernels work. */
#include "module.h"

#include "roots.h"

/* What is looked into belongs to bytes objects, which can't change, in tuples that `claims` holds. */
static int look_into(struct claim *claim, PyObject *tuple, const struct ots *ots, unsigned h)
{
    const char *identifier, *digest, *signature;
    Py_ssize_t identifier_bytes, digest_bytes, signature_bytes;
    if (!PyTuple_Check(tuple)) {
        PyErr_SetString(PyExc_TypeError, "a claim is a tuple");
        return 0;
    }
    if (!PyArg_ParseTuple(tuple, "y#y#y#;a claim has an identifier, a digest and a signature", &identifier, &identifier_bytes, &digest,
                          &digest_bytes, &signature, &signature_bytes))
        return 0;
    if (identifier_bytes != IDENTIFIER_BYTES || digest_bytes != (Py_ssize_t)ots->n ||
        signature_bytes != (Py_ssize_t)claim_bytes(ots, h)) {
        PyErr_Format(PyExc_ValueError, "a claim has %d, %zd and %zd bytes, not %zd, %zd and %zd", IDENTIFIER_BYTES, (Py_ssize_t)ots->n,
                     (Py_ssize_t)claim_bytes(ots, h), identifier_bytes, digest_bytes, signature_bytes);
        return 0;
    }
    struct claim found = {(const uint8_t *)identifier, (const uint8_t *)digest, (const uint8_t *)signature};
    *claim = found;
    if (claim_leaf(claim->signature) >> h) {
        PyErr_Format(PyExc_ValueError, "a tree of height %d has no leaf %lld", (int)h, (long long)claim_leaf(claim->signature));
        return 0;
    }
    return 1;
}

static PyObject *roots_of(const struct crew *crew, const struct ots *ots, unsigned h, PyObject *tuples)
{
    Py_ssize_t count = PyTuple_Size(tuples);
    PyObject *result = NULL;
    struct claim *claims = PyMem_Calloc((size_t)count + 1, sizeof *claims);
    uint8_t *nodes = PyMem_Calloc((size_t)count + 1, ots->n);
    int good = claims != NULL && nodes != NULL;
    if (!good)
        PyErr_NoMemory();
    for (Py_ssize_t at = 0; good && at < count; at++)
        good = look_into(&claims[at], PyTuple_GetItem(tuples, at), ots, h);
    if (good) {
        int failed;
        Py_BEGIN_ALLOW_THREADS
        failed = roots(crew, ots, h, claims, (size_t)count, nodes);
        Py_END_ALLOW_THREADS
        result = failed ? PyErr_NoMemory() : cut(nodes, count, (Py_ssize_t)ots->n);
    }
    PyMem_Free(nodes);
    PyMem_Free(claims);
    return result;
}

PyObject *py_roots(PyObject *module, PyObject *args)
{
    int wide, narrow, n, w, h;
    PyObject *claims, *tuples, *result = NULL;
    struct crew crew;
    struct ots ots;
    (void)module;
    if (!PyArg_ParseTuple(args, "(ii)iiiO:roots", &wide, &narrow, &n, &w, &h, &claims))
        return NULL;
    if (!choose(&crew, wide, narrow) || !check_ots(&ots, n, w))
        return NULL;
    if (h < 1 || h > MOST_HEIGHT)
        return PyErr_Format(PyExc_ValueError, "there are no trees of height %d", h);
    /* A tuple of our own: nobody takes anything out of it while the interpreter lock is away. */
    tuples = PySequence_Tuple(claims);
    if (tuples != NULL)
        result = roots_of(&crew, &ots, (unsigned)h, tuples);
    Py_XDECREF(tuples);
    return result;
}
