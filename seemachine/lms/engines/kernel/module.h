/* What the files of the glue to Python share. */
#ifndef SEEMACHINE_MODULE_H
#define SEEMACHINE_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "engine.h"

enum { MOST_HEIGHT = 25 };

/* These return 0 with an error of Python's set. */
int choose(struct crew *crew, int wide, int narrow);
int check_ots(struct ots *ots, int n, int w);

/* A list of `count` bytes objects, cut from `data`. */
PyObject *cut(const uint8_t *data, Py_ssize_t count, Py_ssize_t bytes);

PyObject *py_roots(PyObject *module, PyObject *args);

#endif
