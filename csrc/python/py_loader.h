/* Data loading, what py_collate.c and py_loader.c share. */
#ifndef MT_PYTHON_PY_LOADER_H
#define MT_PYTHON_PY_LOADER_H

#include "python/py.h"

/* What minitorch.utils.data hands over when it is imported: the classes and functions that have a
 * short way in C. All NULL before that. */
typedef struct py_loader_classes {
    PyObject *TensorDataset, *Subset, *SequentialSampler, *RandomSampler, *BatchSampler;
    PyObject *default_collate, *collate_in_python, *collate_fn_map;
} py_loader_classes;
extern py_loader_classes py_loader;

/* default_collate(batch): a list or tuple of samples becomes one batch. New reference. */
PyObject *py_collate(PyObject *batch);
/* Remembers default_collate_fn_map as it is: once somebody changes it, batches go the way of
 * collate_in_python. */
int py_collate_note_map(void);

#endif
