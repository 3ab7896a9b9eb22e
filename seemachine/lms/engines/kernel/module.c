/* The glue to Python: checks every length, lets go of the interpreter lock while kernels work, turns results into bytes. */
#include "module.h"

#include "dispatch.h"

int choose(struct crew *crew, int wide, int narrow)
{
    crew->wide = proven_kernel(wide);
    crew->narrow = proven_kernel(narrow);
    if (crew->wide != NULL && crew->narrow != NULL)
        return 1;
    PyErr_Format(PyExc_ValueError, "there are no proven kernels of numbers %d and %d", wide, narrow);
    return 0;
}

int check_ots(struct ots *ots, int n, int w)
{
    if (n > 0 && w > 0 && find_ots(ots, (unsigned)n, (unsigned)w))
        return 1;
    PyErr_Format(PyExc_ValueError, "there is no LM-OTS set with n=%d and w=%d", n, w);
    return 0;
}

int check_length(const char *what, const Py_buffer *view, Py_ssize_t least, Py_ssize_t most)
{
    if (view->len >= least && view->len <= most)
        return 1;
    if (least == most)
        PyErr_Format(PyExc_ValueError, "%s must have %zd bytes, not %zd", what, most, view->len);
    else
        PyErr_Format(PyExc_ValueError, "%s must have %zd to %zd bytes, not %zd", what, least, most, view->len);
    return 0;
}

static PyObject *find(PyObject *module, PyObject *args)
{
    const char *name, *hash;
    (void)module;
    if (!PyArg_ParseTuple(args, "ss:find", &name, &hash))
        return NULL;
    int number = find_kernel(name, hash);
    if (number < 0)
        return PyErr_Format(PyExc_ValueError, "this build has no kernel %s for %s", name, hash);
    const char *reason = why_not(number);
    if (reason != NULL)
        return PyErr_Format(PyExc_ValueError, "%s", reason);
    return PyLong_FromLong(number);
}

static PyObject *nodes_of_leaves(const struct crew *crew, int n, int w, int h, const Py_buffer *identifier, const Py_buffer *seed,
                                 Py_ssize_t first, Py_ssize_t count)
{
    struct ots ots;
    if (!check_ots(&ots, n, w) || !check_length("an identifier", identifier, IDENTIFIER_BYTES, IDENTIFIER_BYTES) ||
        !check_length("a seed", seed, LEAST_SEED, MOST_SEED))
        return NULL;
    if (h < 1 || h > MOST_HEIGHT)
        return PyErr_Format(PyExc_ValueError, "there are no trees of height %d", h);
    Py_ssize_t leaves = (Py_ssize_t)1 << h;
    if (first < 0 || count < 0 || first > leaves || count > leaves - first)
        return PyErr_Format(PyExc_ValueError, "a tree of height %d has no %zd leaves from %zd on", h, count, first);
    PyObject *nodes = PyBytes_FromStringAndSize(NULL, count * n);
    if (nodes == NULL)
        return NULL;
    uint8_t *at = (uint8_t *)PyBytes_AsString(nodes);
    struct orchard orchard = {ots.n, ots.w, ots.p, (unsigned)h, identifier->buf, seed->buf, (unsigned)seed->len};
    int failed;
    Py_BEGIN_ALLOW_THREADS
    failed = leaf_nodes(crew, &orchard, (uint32_t)first, (size_t)count, at);
    Py_END_ALLOW_THREADS
    if (failed) {
        Py_DECREF(nodes);
        return PyErr_NoMemory();
    }
    return nodes;
}

static PyObject *py_leaf_nodes(PyObject *module, PyObject *args)
{
    int wide, narrow, n, w, h;
    struct crew crew;
    Py_buffer identifier, seed;
    Py_ssize_t first, count;
    (void)module;
    if (!PyArg_ParseTuple(args, "(ii)iiiy*y*nn:leaf_nodes", &wide, &narrow, &n, &w, &h, &identifier, &seed, &first, &count))
        return NULL;
    PyObject *nodes = NULL;
    if (choose(&crew, wide, narrow))
        nodes = nodes_of_leaves(&crew, n, w, h, &identifier, &seed, first, count);
    PyBuffer_Release(&seed);
    PyBuffer_Release(&identifier);
    return nodes;
}

static PyObject *nodes_above_children(const struct crew *crew, int n, const Py_buffer *identifier, Py_ssize_t number, const Py_buffer *children)
{
    if (!check_length("an identifier", identifier, IDENTIFIER_BYTES, IDENTIFIER_BYTES))
        return NULL;
    if (n != 24 && n != 32)
        return PyErr_Format(PyExc_ValueError, "there are no nodes of %d bytes", n);
    Py_ssize_t count = children->len / (2 * n);
    if (children->len % (2 * n))
        return PyErr_Format(PyExc_ValueError, "%zd bytes are not pairs of nodes of %d bytes", children->len, n);
    if (number < 1 || number > MOST_LEAVES || count > MOST_LEAVES - number)
        return PyErr_Format(PyExc_ValueError, "no tree has %zd inner nodes from %zd on", count, number);
    PyObject *nodes = PyBytes_FromStringAndSize(NULL, count * n);
    if (nodes == NULL)
        return NULL;
    uint8_t *at = (uint8_t *)PyBytes_AsString(nodes);
    Py_BEGIN_ALLOW_THREADS
    parents(crew, (unsigned)n, identifier->buf, (uint32_t)number, children->buf, (size_t)count, at);
    Py_END_ALLOW_THREADS
    return nodes;
}

static PyObject *py_parents(PyObject *module, PyObject *args)
{
    int wide, narrow, n;
    struct crew crew;
    Py_buffer identifier, children;
    Py_ssize_t number;
    (void)module;
    if (!PyArg_ParseTuple(args, "(ii)iy*ny*:parents", &wide, &narrow, &n, &identifier, &number, &children))
        return NULL;
    PyObject *nodes = NULL;
    if (choose(&crew, wide, narrow))
        nodes = nodes_above_children(&crew, n, &identifier, number, &children);
    PyBuffer_Release(&children);
    PyBuffer_Release(&identifier);
    return nodes;
}

PyObject *cut(const uint8_t *data, Py_ssize_t count, Py_ssize_t bytes)
{
    PyObject *list = PyList_New(count);
    for (Py_ssize_t at = 0; list != NULL && at < count; at++) {
        PyObject *item = PyBytes_FromStringAndSize((const char *)data + at * bytes, bytes);
        if (item == NULL || PyList_SetItem(list, at, item) < 0)
            Py_CLEAR(list);
    }
    return list;
}

static PyMethodDef methods[] = {
    {"find", find, METH_VARARGS, "find(name, hash): the number of a kernel that runs here and has proved itself. Raises ValueError."},
    {"leaf_nodes", py_leaf_nodes, METH_VARARGS, "leaf_nodes(kernels, n, w, h, identifier, seed, first, count): joined nodes."},
    {"parents", py_parents, METH_VARARGS, "parents(kernels, n, identifier, number, children): joined nodes."},
    {"sign", py_sign, METH_VARARGS, "sign(kernels, n, w, jobs): the joined chains of each job."},
    {"recover", py_recover, METH_VARARGS, "recover(kernels, n, w, jobs): the one-time public key of each job."},
    {"roots", py_roots, METH_VARARGS, "roots(kernels, n, w, h, claims): the root that each signature leads to."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_native", .m_doc = "The native engine's kernels. See native.py.", .m_methods = methods};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&definition);
}
