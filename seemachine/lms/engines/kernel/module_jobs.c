/* The glue to Python of what works on jobs: making signatures, and checking them. */
#include "module.h"

/* What a job's object calls its parts. Strings are made once a call, for each costs as much as a link of a chain. */
enum { IDENTIFIER, LEAF, DIGEST, SECRET, PARTS };

struct part {
    const char *text;
    PyObject *name;
};

/* A job with the buffers that it looks into. A buffer without owner has not been taken. */
struct held_job {
    Py_buffer identifier, digest, secret;
};

/* Jobs under way. Signatures are made in the bytes objects that will be handed out. */
struct batch {
    struct crew crew;
    struct ots ots;
    int given; /* signatures, to be checked */
    Py_ssize_t count;
    struct part part[PARTS];
    struct held_job *held;
    struct job *jobs;
    uint8_t *values, *keys; /* of signatures that are checked */
    PyObject *signatures;
};

static int name_parts(struct batch *batch)
{
    const char *const texts[PARTS] = {"identifier", "leaf", "digest", batch->given ? "chains" : "seed"};
    for (int part = 0; part < PARTS; part++) {
        batch->part[part].text = texts[part];
        batch->part[part].name = PyUnicode_InternFromString(texts[part]);
        if (batch->part[part].name == NULL)
            return 0;
    }
    return 1;
}

static int hold(PyObject *job, const struct part *part, Py_buffer *view, Py_ssize_t least, Py_ssize_t most)
{
    PyObject *value = PyObject_GetAttr(job, part->name);
    if (value == NULL)
        return 0;
    int taken = PyObject_GetBuffer(value, view, PyBUF_SIMPLE) == 0;
    Py_DECREF(value);
    return taken && check_length(part->text, view, least, most);
}

static int hold_leaf(PyObject *job, const struct part *part, uint32_t *leaf)
{
    PyObject *value = PyObject_GetAttr(job, part->name);
    if (value == NULL)
        return 0;
    long long number = PyLong_AsLongLong(value);
    Py_DECREF(value);
    if (number == -1 && PyErr_Occurred())
        return 0;
    if (number < 0 || number >= MOST_LEAVES) {
        PyErr_Format(PyExc_ValueError, "no tree has a leaf %lld", number);
        return 0;
    }
    *leaf = (uint32_t)number;
    return 1;
}

static Py_ssize_t chain_bytes(const struct batch *batch)
{
    return (Py_ssize_t)batch->ots.n * (Py_ssize_t)batch->ots.p;
}

/* Where the chains of job `at` end: given ones are copied there, as they may belong to anybody. NULL with an error of Python's set. */
static uint8_t *place_values(struct batch *batch, Py_ssize_t at)
{
    if (batch->given)
        return memcpy(batch->values + at * chain_bytes(batch), batch->held[at].secret.buf, (size_t)chain_bytes(batch));
    PyObject *signature = PyBytes_FromStringAndSize(NULL, chain_bytes(batch));
    if (signature == NULL || PyList_SetItem(batch->signatures, at, signature) < 0)
        return NULL;
    return (uint8_t *)PyBytes_AsString(signature);
}

static int hold_job(struct batch *batch, Py_ssize_t at, PyObject *object)
{
    Py_ssize_t n = (Py_ssize_t)batch->ots.n;
    Py_ssize_t least = batch->given ? chain_bytes(batch) : LEAST_SEED, most = batch->given ? chain_bytes(batch) : MOST_SEED;
    const struct part *part = batch->part;
    struct held_job *held = &batch->held[at];
    struct job *job = &batch->jobs[at];
    if (!hold_leaf(object, &part[LEAF], &job->leaf) ||
        !hold(object, &part[IDENTIFIER], &held->identifier, IDENTIFIER_BYTES, IDENTIFIER_BYTES) ||
        !hold(object, &part[DIGEST], &held->digest, n, n) || !hold(object, &part[SECRET], &held->secret, least, most))
        return 0;
    job->identifier = held->identifier.buf;
    job->digest = held->digest.buf;
    job->seed = batch->given ? NULL : held->secret.buf;
    job->seed_bytes = batch->given ? 0 : (unsigned)held->secret.len;
    job->values = place_values(batch, at);
    return job->values != NULL;
}

/* Without the interpreter lock. 0, or -1 when memory is short. */
static int work_through(struct batch *batch)
{
    if (walk_jobs(&batch->crew, &batch->ots, batch->jobs, (size_t)batch->count))
        return -1;
    if (batch->given)
        public_keys(&batch->crew, &batch->ots, batch->jobs, (size_t)batch->count, batch->keys);
    return 0;
}

static PyObject *answer_batch(struct batch *batch, PyObject *jobs)
{
    if (!name_parts(batch))
        return NULL;
    for (Py_ssize_t at = 0; at < batch->count; at++) {
        PyObject *job = PySequence_GetItem(jobs, at);
        int good = job != NULL && hold_job(batch, at, job);
        Py_XDECREF(job);
        if (!good)
            return NULL;
    }
    int failed;
    Py_BEGIN_ALLOW_THREADS
    failed = work_through(batch);
    Py_END_ALLOW_THREADS
    if (failed)
        return PyErr_NoMemory();
    if (batch->given)
        return cut(batch->keys, batch->count, (Py_ssize_t)batch->ots.n);
    Py_INCREF(batch->signatures);
    return batch->signatures;
}

/* 1, or 0 with an error of Python's set. */
static int make_room(struct batch *batch)
{
    size_t count = (size_t)batch->count;
    batch->held = PyMem_Calloc(count + 1, sizeof *batch->held);
    batch->jobs = PyMem_Calloc(count + 1, sizeof *batch->jobs);
    if (batch->given) {
        batch->values = PyMem_Malloc(count * (size_t)chain_bytes(batch) + 1);
        batch->keys = PyMem_Malloc(count * batch->ots.n + 1);
    } else {
        batch->signatures = PyList_New(batch->count);
    }
    if (batch->held != NULL && batch->jobs != NULL && (batch->given ? batch->values != NULL && batch->keys != NULL : batch->signatures != NULL))
        return 1;
    PyErr_NoMemory();
    return 0;
}

static void clear(struct batch *batch)
{
    for (Py_ssize_t at = 0; batch->held != NULL && at < batch->count; at++) {
        PyBuffer_Release(&batch->held[at].identifier);
        PyBuffer_Release(&batch->held[at].digest);
        PyBuffer_Release(&batch->held[at].secret);
    }
    for (int part = 0; part < PARTS; part++)
        Py_XDECREF(batch->part[part].name);
    Py_XDECREF(batch->signatures);
    PyMem_Free(batch->keys);
    PyMem_Free(batch->values);
    PyMem_Free(batch->jobs);
    PyMem_Free(batch->held);
}

static PyObject *answer(PyObject *args, int given)
{
    int wide, narrow, n, w;
    PyObject *jobs, *result = NULL;
    struct batch batch = {.given = given};
    if (!PyArg_ParseTuple(args, "(ii)iiO", &wide, &narrow, &n, &w, &jobs))
        return NULL;
    if (!choose(&batch.crew, wide, narrow) || !check_ots(&batch.ots, n, w))
        return NULL;
    batch.count = PySequence_Size(jobs);
    if (batch.count >= 0 && make_room(&batch))
        result = answer_batch(&batch, jobs);
    clear(&batch);
    return result;
}

PyObject *py_sign(PyObject *module, PyObject *args)
{
    (void)module;
    return answer(args, 0);
}

PyObject *py_recover(PyObject *module, PyObject *args)
{
    (void)module;
    return answer(args, 1);
}
