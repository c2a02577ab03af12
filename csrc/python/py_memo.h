/* Remembering what stands in a dict until the dict changes.
 *
 * Note [Versions of dicts]
 * Up to Python 3.13 every dict carries a number that no other state of any dict ever has: each
 * change draws a new one (PEP 509, the interpreter's own caches of globals rest on it). So one
 * comparison tells that this is the very dict of last time, that it is alive, and that all its
 * entries are the same objects; what was read from it may be used again, borrowed, without a
 * look-up. It tells nothing about the insides of those objects: only what is read from immutable
 * ones may be remembered. Later Pythons, and those without a lock, look things up each time. */
#ifndef MT_PYTHON_PY_MEMO_H
#define MT_PYTHON_PY_MEMO_H

#include "python/py.h"

/* The dict's number; 0: there is none, remember nothing. */
static inline uint64_t py_dict_version(PyObject *dict)
{
#if PY_VERSION_HEX < 0x030E0000 && !defined(Py_GIL_DISABLED)
    const PyDictObject *d = (PyDictObject *)dict;
#if PY_VERSION_HEX >= 0x030D0000
    /* From 3.13 on the values may lie in an object, which is written to past its dict. */
    if (d->ma_values) return 0;
#endif
    /* The lowest bits say who watches the dict: 8 of them in 3.12, 12 in 3.13. */
    const uint64_t watchers = PY_VERSION_HEX < 0x030C0000   ? 0
                              : PY_VERSION_HEX < 0x030D0000 ? 0xff
                                                            : 0xfff;
    _Pragma("GCC diagnostic push");
    _Pragma("GCC diagnostic ignored \"-Wdeprecated-declarations\"");
    return d->ma_version_tag & ~watchers;
    _Pragma("GCC diagnostic pop");
#else
    (void)dict;
    return 0;
#endif
}

typedef struct py_memo {
    uint64_t version;
    PyObject *value; /* borrowed from the dict */
} py_memo;

/* dict[key], borrowed; the memo serves that key alone. NULL: not there, or an exception. */
static inline PyObject *py_memo_get(py_memo *m, PyObject *dict, PyObject *key)
{
    const uint64_t version = py_dict_version(dict);
    if (MT_LIKELY(version && m->version == version)) return m->value;
    PyObject *value = PyDict_GetItemWithError(dict, key);
    if (value) *m = (py_memo){version, value};
    return value;
}

/* A dict's place in a table of memos goes by its address. */
enum { PY_MEMO_SLOTS = 16 };
static inline unsigned py_memo_slot(PyObject *dict)
{
    return (unsigned)((uintptr_t)dict >> 6) % PY_MEMO_SLOTS;
}

#endif
