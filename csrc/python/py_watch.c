/* What profilers ask for: graph/watch.h in Python. minitorch/profiler makes tables of it. */
#include "python/py.h"

#include "graph/watch.h"

static PyObject *watch_start(PyObject *Py_UNUSED(module), PyObject *shapes)
{
    const int on = PyObject_IsTrue(shapes);
    if (on < 0) return NULL;
    if (mt_watch_start(on) < 0) return py_raise();
    Py_RETURN_NONE;
}

static PyObject *watch_stop(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    mt_watch_stop();
    Py_RETURN_NONE;
}

static PyObject *watch_open(PyObject *Py_UNUSED(module), PyObject *label)
{
    const long number = PyLong_AsLong(label);
    if (number == -1 && PyErr_Occurred()) return NULL;
    return PyLong_FromLong(mt_watch_open((int32_t)number));
}

static PyObject *watch_close(PyObject *Py_UNUSED(module), PyObject *event)
{
    const long number = PyLong_AsLong(event);
    if (number == -1 && PyErr_Occurred()) return NULL;
    mt_watch_close((int32_t)number);
    Py_RETURN_NONE;
}

static PyObject *watch_clock(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    return PyLong_FromLongLong(mt_watch_clock());
}

/* [[2, 3], [3]]: the shapes of an event's inputs. */
static PyObject *shapes_of(const int64_t *size)
{
    PyObject *all = PyList_New(0);
    for (int64_t n = *size++; n > 0 && all; n--) {
        const int64_t ndim = *size++;
        PyObject *shape = PyList_New(0);
        for (int64_t d = 0; d < ndim && shape; d++) {
            PyObject *length = PyLong_FromLongLong(*size++);
            if (!length || PyList_Append(shape, length) < 0) Py_CLEAR(shape);
            Py_XDECREF(length);
        }
        if (!shape || PyList_Append(all, shape) < 0) Py_CLEAR(all);
        Py_XDECREF(shape);
    }
    return all;
}

/* (name, or the label's number; kind; parent; start; end; bytes; shapes) */
static PyObject *event_tuple(const mt_event *e)
{
    PyObject *name =
        e->kind == MT_EVENT_HOST ? PyLong_FromLong(e->label) : PyUnicode_FromString(e->name);
    PyObject *shapes = e->shapes < 0 ? PyList_New(0) : shapes_of(mt_watch_shapes() + e->shapes);
    if (name && shapes)
        return Py_BuildValue("NiiLLLN", name, (int)e->kind, (int)e->parent, (long long)e->start,
                             (long long)e->end, (long long)e->bytes, shapes);
    Py_XDECREF(name);
    Py_XDECREF(shapes);
    return NULL;
}

static PyObject *watch_events(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    int32_t n;
    const mt_event *event = mt_watch_events(&n);
    PyObject *list = PyList_New(n);
    for (int32_t i = 0; i < n && list; i++) {
        PyObject *tuple = event_tuple(&event[i]);
        if (tuple)
            PyList_SET_ITEM(list, i, tuple);
        else
            Py_CLEAR(list);
    }
    return list;
}

static PyMethodDef functions[] = {
    {"_watch_start", watch_start, METH_O, NULL},
    {"_watch_stop", watch_stop, METH_NOARGS, NULL},
    {"_watch_open", watch_open, METH_O, NULL},
    {"_watch_close", watch_close, METH_O, NULL},
    {"_watch_clock", watch_clock, METH_NOARGS, NULL},
    {"_watch_events", watch_events, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

int py_init_watch(PyObject *module) { return PyModule_AddFunctions(module, functions); }
