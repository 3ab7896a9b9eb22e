/* What the files of the glue to Python share. */
#ifndef SEEMACHINE_MODULE_H
#define SEEMACHINE_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "engine.h"

enum { MOST_HEIGHT = 25, MOST_LEAVES = 1 << MOST_HEIGHT };

/* These return 0 with an error of Python's set. */
int choose(struct crew *crew, int wide, int narrow);
int check_ots(struct ots *ots, int n, int w);
int check_length(const char *what, const Py_buffer *view, Py_ssize_t least, Py_ssize_t most);

/* A list of `count` bytes objects, cut from `data`. */
PyObject *cut(const uint8_t *data, Py_ssize_t count, Py_ssize_t bytes);

PyObject *py_sign(PyObject *module, PyObject *args);
PyObject *py_recover(PyObject *module, PyObject *args);
PyObject *py_roots(PyObject *module, PyObject *args);

#endif
