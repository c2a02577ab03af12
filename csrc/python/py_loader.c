/* The iterator of a DataLoader over a map-style dataset, without worker processes.
 *
 * Two questions are answered when an epoch begins, and each has a short way:
 * - which indices? Sequential and shuffled batches are counted off here, from one permutation an
 * epoch, drawn from the generator at the very moments PyTorch draws it; any other sampler is an
 * iterator that is asked.
 * - which samples? Those of a TensorDataset, or of Subsets of one, are gathered from its tensors as
 * whole batches (tensor/rows.h); any other dataset is asked for item after item, or all at once if
 * it has __getitems__, and the samples are collated. Relies on py_collate.c. Read next:
 * minitorch/utils/data/dataloader.py. */
#include "python/py_loader.h"

#include "tensor/rows.h"
#include "tensor/sample.h"

#include <stddef.h>
#include <structmember.h>
#include <string.h>

typedef struct batches {
    PyObject_HEAD
    /* indices */
    PyObject *sampler; /* an iterator; NULL: our own order */
    bool batched; /* the sampler gives lists of indices; else single ones: nothing is collated */
    bool shuffle, drop_last; /* the following: of our own order only */
    bool started, past_end;
    int64_t n, at, batch_size;
    int64_t *order;          /* n of them; NULL: 0 ... n - 1 */
    mt_generator *generator; /* the sampler's, NULL if it makes one of its own each time */
    /* samples */
    PyObject *dataset, *getitems; /* getitems: its __getitems__, NULL if it has none */
    PyObject *collate;            /* NULL: default_collate */
    PyObject *tensors;            /* tuple: gathered from these; NULL: by item */
    int64_t *map; /* map_n of them: where item i of the dataset is in the tensors; NULL: i */
    int64_t rows, map_n;
    /* for Python */
    PyObject *index_sampler;
    long long base_seed;
    Py_ssize_t yielded;
} batches;

/* clang-format off */
#define NAMES(X) \
    X(batch_sampler) X(batch_size) X(collate_fn) X(data_source) X(dataset) X(drop_last) \
    X(generator) X(indices) X(replacement) X(sampler) X(tensors) X(__getitems__) X(_num_samples)
/* clang-format on */
#define DECLARE(n) static PyObject *s_##n;
NAMES(DECLARE)
#undef DECLARE

/* ---- reading Python objects ------------------------------------------------------------------ */
/* A generator or None: retained, NULL for None; -1 with TypeError. */
static int generator_of(PyObject *o, mt_generator **out)
{
    *out = NULL;
    if (o == Py_None) return 0;
    mt_generator *g = py_generator_from(o);
    if (!g) return -1;
    *out = mt_generator_retain(g);
    return 0;
}

static int attribute_generator(PyObject *o, mt_generator **out)
{
    PyObject *g = PyObject_GetAttr(o, s_generator);
    int status = g ? generator_of(g, out) : -1;
    Py_XDECREF(g);
    return status;
}

static int attribute_int(PyObject *o, PyObject *name, int64_t *out)
{
    PyObject *v = PyObject_GetAttr(o, name);
    *out = v ? PyLong_AsLongLong(v) : -1;
    Py_XDECREF(v);
    return *out == -1 && PyErr_Occurred() ? -1 : 0;
}

static int attribute_flag(PyObject *o, PyObject *name, bool *out)
{
    PyObject *v = PyObject_GetAttr(o, name);
    int yes = v ? PyObject_IsTrue(v) : -1;
    Py_XDECREF(v);
    *out = yes > 0;
    return yes < 0 ? -1 : 0;
}

static bool is_exactly(PyObject *o, PyObject *type) { return (PyObject *)Py_TYPE(o) == type; }

static int64_t *new_ints(int64_t n)
{
    int64_t *p = n <= INT64_MAX / 16 ? mt_malloc((size_t)n * sizeof *p) : mt_fail_memory();
    if (!p) py_raise();
    return p;
}

static void free_ints(int64_t *p, int64_t n) { mt_free(p, (size_t)n * sizeof *p); }

/* The ints of a list or tuple, each in [-limit, limit) and made non-negative. 1 done, 0 not all of
 * them are such ints (no exception). */
static int read_ints(PyObject *list, int64_t limit, int64_t *out)
{
    PyObject *const *item = PySequence_Fast_ITEMS(list);
    Py_ssize_t n = PySequence_Fast_GET_SIZE(list);
    for (Py_ssize_t i = 0; i < n; i++) {
        int overflow = 1;
        int64_t v =
            PyLong_CheckExact(item[i]) ? PyLong_AsLongLongAndOverflow(item[i], &overflow) : 0;
        if (overflow || v < -limit || v >= limit) return 0;
        out[i] = v < 0 ? v + limit : v;
    }
    return 1;
}

/* ---- samples: is the dataset made of tensors? ------------------------------------------------ */
static bool can_gather(PyObject *tensors)
{
    if (!PyTuple_CheckExact(tensors) || PyTuple_GET_SIZE(tensors) == 0) return false;
    int64_t rows = -1;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tensors); i++) {
        PyObject *o = PyTuple_GET_ITEM(tensors, i);
        if (Py_TYPE(o) != &py_tensor_type) return false;
        const mt_tensor *t = py_core(o);
        if (t->ndim == 0 || (rows >= 0 && t->size[0] != rows)) return false;
        if (mt_requires_grad(t) && mt_grad_enabled()) return false;
        rows = t->size[0];
    }
    return true;
}

/* One Subset more: item i of it is item index[i] of what lies below, which has `limit` items. Makes
 * or composes b->map. 1 done, 0 cannot, -1 error. */
static int map_through(batches *b, PyObject *subset, int64_t limit)
{
    PyObject *indices = PyObject_GetAttr(subset, s_indices);
    if (!indices) return -1;
    int64_t *index = NULL, n = PyList_CheckExact(indices) ? PyList_GET_SIZE(indices) : 0;
    int status = PyList_CheckExact(indices);
    if (status && !(index = new_ints(n))) status = -1;
    if (status > 0) status = read_ints(indices, limit, index);
    Py_DECREF(indices);
    for (int64_t i = 0; status > 0 && b->map && i < b->map_n; i++) {
        int64_t at = b->map[i];
        if (at < -n || at >= n) status = 0;
        if (status) b->map[i] = index[at < 0 ? at + n : at];
    }
    if (status > 0 && !b->map) {
        b->map = index;
        b->map_n = n;
    } else if (index) {
        free_ints(index, n);
    }
    return status;
}

/* Sets b->tensors, b->rows and b->map if the dataset is a TensorDataset or Subsets around one. -1
 * on an error. */
static int find_tensors(batches *b)
{
    PyObject *d = Py_NewRef(b->dataset);
    int status = 1;
    while (status > 0 && is_exactly(d, py_loader.Subset)) {
        PyObject *below = PyObject_GetAttr(d, s_dataset);
        Py_ssize_t limit = below ? PyObject_Size(below) : -1;
        status = limit < 0 ? -1 : map_through(b, d, limit);
        Py_DECREF(d);
        d = below;
        if (!d) return -1;
    }
    PyObject *tensors = NULL;
    if (status > 0 && is_exactly(d, py_loader.TensorDataset))
        if (!(tensors = PyObject_GetAttr(d, s_tensors))) status = -1;
    Py_DECREF(d);
    if (tensors && can_gather(tensors)) {
        b->rows = py_core(PyTuple_GET_ITEM(tensors, 0))->size[0];
        b->tensors = Py_NewRef(tensors);
    }
    Py_XDECREF(tensors);
    return status < 0 ? -1 : 0;
}

static int find_samples(batches *b, PyObject *loader)
{
    if (!(b->dataset = PyObject_GetAttr(loader, s_dataset))) return -1;
    if (!(b->collate = PyObject_GetAttr(loader, s_collate_fn))) return -1;
    if (b->batched && b->collate == py_loader.default_collate) {
        Py_CLEAR(b->collate);
        if (find_tensors(b) < 0) return -1;
        if (b->tensors) return 0;
    }
    b->getitems = PyObject_GetAttr(b->dataset, s___getitems__);
    if (!b->getitems) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return -1;
        PyErr_Clear();
    }
    if (b->getitems == Py_None) Py_CLEAR(b->getitems);
    return 0;
}

/* ---- indices: is it a sampler we can count off? ---------------------------------------------- */
/* A shuffling sampler we know the draws of: without replacement, as many samples as there are. */
static int plain_shuffle(PyObject *sampler)
{
    bool replacement;
    if (attribute_flag(sampler, s_replacement, &replacement) < 0) return -1;
    PyObject *number = PyObject_GetAttr(sampler, s__num_samples);
    Py_XDECREF(number);
    return number ? !replacement && number == Py_None : -1;
}

/* Sets up our own order. 1 done, 0 the sampler must be asked, -1 error. */
static int own_order(batches *b, PyObject *batch_sampler)
{
    if (!is_exactly(batch_sampler, py_loader.BatchSampler)) return 0;
    PyObject *sampler = PyObject_GetAttr(batch_sampler, s_sampler), *source = NULL;
    if (!sampler) return -1;
    int own = is_exactly(sampler, py_loader.SequentialSampler);
    if (!own && is_exactly(sampler, py_loader.RandomSampler)) {
        b->shuffle = true;
        own = plain_shuffle(sampler);
        if (own > 0 && attribute_generator(sampler, &b->generator) < 0) own = -1;
    }
    if (own > 0 && !(source = PyObject_GetAttr(sampler, s_data_source))) own = -1;
    if (own > 0 && (b->n = PyObject_Size(source)) < 0) own = -1;
    if (own > 0 && attribute_int(batch_sampler, s_batch_size, &b->batch_size) < 0) own = -1;
    if (own > 0 && attribute_flag(batch_sampler, s_drop_last, &b->drop_last) < 0) own = -1;
    if (own > 0 && b->batch_size <= 0) own = 0;
    Py_XDECREF(source);
    Py_DECREF(sampler);
    return own;
}

static int find_indices(batches *b, PyObject *loader)
{
    PyObject *sampler = PyObject_GetAttr(loader, s_batch_sampler);
    if (!sampler) return -1;
    b->batched = sampler != Py_None;
    int own = b->batched ? own_order(b, sampler) : 0;
    if (!b->batched) Py_SETREF(sampler, PyObject_GetAttr(loader, s_sampler));
    b->index_sampler = sampler;
    if (!sampler || own < 0) return -1;
    if (own == 0 && !(b->sampler = PyObject_GetIter(sampler))) return -1;
    return 0;
}

/* The dataset's samples are taken by our own order: is every index of it one of theirs? */
static bool order_fits(const batches *b) { return b->n <= (b->map ? b->map_n : b->rows); }

/* ---- an epoch begins ------------------------------------------------------------------------- */
static int64_t draw_seed(mt_generator *g) { return (int64_t)(mt_random_u64(g) & INT64_MAX); }

/* _batches(loader): what iter(loader) returns. Always draws the seed that worker processes would
 * get. */
static PyTypeObject batches_type;

static PyObject *new_batches(PyObject *module, PyObject *loader)
{
    (void)module;
    batches *b = PyObject_GC_New(batches, &batches_type);
    if (!b) return NULL;
    memset((char *)b + offsetof(batches, sampler), 0, sizeof *b - offsetof(batches, sampler));
    mt_generator *g = NULL;
    if (find_indices(b, loader) < 0 || find_samples(b, loader) < 0 ||
        attribute_generator(loader, &g) < 0) {
        Py_DECREF(b);
        return NULL;
    }
    if (b->tensors && !b->sampler && !order_fits(b)) Py_CLEAR(b->tensors);
    b->base_seed = draw_seed(g ? g : mt_default_generator());
    mt_generator_release(g);
    PyObject_GC_Track(b);
    return (PyObject *)b;
}

/* The permutation of this epoch, by a generator seeded for it alone if the sampler has none. That
 * one is drawn from here and nowhere else, so a single one serves all epochs. */
static int shuffle(const batches *b, int64_t *order)
{
    static mt_generator *own;
    mt_generator *g = b->generator;
    if (!g) {
        if (!own && !(own = mt_generator_new())) return py_raise_int();
        g = own;
        mt_generator_seed(g, (uint64_t)draw_seed(mt_default_generator()));
    }
    mt_random_permutation(g, MT_INT64, b->n, order);
    return 0;
}

/* The first batch is asked for: only now is the order drawn. */
static int start(batches *b)
{
    bool mapped = b->tensors && b->map;
    int64_t *order = b->shuffle || mapped ? new_ints(b->n) : NULL;
    if (!order && (b->shuffle || mapped)) return -1;
    if (b->shuffle && shuffle(b, order) < 0) {
        free_ints(order, b->n);
        return -1;
    }
    for (int64_t i = 0; mapped && i < b->n; i++) order[i] = b->map[b->shuffle ? order[i] : i];
    b->order = order;
    b->started = true;
    return 0;
}

/* PyTorch's sampler draws one more permutation when it is asked for an index beyond the last, of
 * which it uses nothing: seen by nobody unless the generator is the user's. */
static int pass_end(batches *b)
{
    if (b->past_end) return 0;
    b->past_end = true;
    if (!b->shuffle || !b->generator) return 0;
    int64_t *unused = new_ints(b->n);
    if (!unused) return -1;
    mt_random_permutation(b->generator, MT_INT64, b->n, unused);
    free_ints(unused, b->n);
    return 0;
}

/* ---- batches --------------------------------------------------------------------------------- */
/* [rows of the first tensor, rows of the second, ...] */
static PyObject *gather(const batches *b, int64_t n, const int64_t *row, int64_t first)
{
    Py_ssize_t width = PyTuple_GET_SIZE(b->tensors);
    PyObject *list = PyList_New(width);
    if (!list) return NULL;
    mt_scope scope = mt_scope_open();
    for (Py_ssize_t i = 0; list && i < width; i++) {
        mt_tensor *t = py_core(PyTuple_GET_ITEM(b->tensors, i));
        /* The tensor may have been resized since the epoch began. */
        mt_tensor *out =
            MT_LIKELY(t->ndim > 0 && t->size[0] >= b->rows)
                ? mt_take_rows(t, n, row, first)
                : mt_fail(MT_RUNTIME, "a tensor of the dataset changed its size during iteration");
        PyObject *o = py_wrap_result(out);
        if (o)
            PyList_SET_ITEM(list, i, o);
        else
            Py_CLEAR(list);
    }
    mt_scope_close(scope);
    return list;
}

static PyObject *collated(const batches *b, PyObject *samples)
{
    if (!samples) return NULL;
    PyObject *batch = b->collate ? PyObject_CallOneArg(b->collate, samples) : py_collate(samples);
    Py_DECREF(samples);
    return batch;
}

/* dataset[i] for each i of `indices`, any iterable. */
static PyObject *fetch(const batches *b, PyObject *indices)
{
    if (b->getitems) return PyObject_CallOneArg(b->getitems, indices);
    PyObject *list = PySequence_List(indices);
    for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(list); i++) {
        PyObject *sample = PyObject_GetItem(b->dataset, PyList_GET_ITEM(list, i));
        if (!sample)
            Py_CLEAR(list);
        else
            PyList_SetItem(list, i, sample);
    }
    return list;
}

static PyObject *list_of_ints(const int64_t *v, int64_t first, int64_t n)
{
    PyObject *list = PyList_New(n);
    for (int64_t i = 0; list && i < n; i++) {
        PyObject *o = PyLong_FromLongLong(v ? v[i] : first + i);
        if (o)
            PyList_SET_ITEM(list, i, o);
        else
            Py_CLEAR(list);
    }
    return list;
}

static PyObject *next_of_own(batches *b)
{
    if (!b->started && start(b) < 0) return NULL;
    int64_t first = b->at, left = b->n - first, n = left < b->batch_size ? left : b->batch_size;
    if (n < b->batch_size && pass_end(b) < 0) return NULL;
    if (n == 0 || (n < b->batch_size && b->drop_last)) return NULL; /* the end */
    b->at += n;
    const int64_t *row = b->order ? b->order + first : NULL;
    if (b->tensors) return gather(b, n, row, first);
    PyObject *indices = list_of_ints(row, first, n);
    PyObject *samples = indices ? fetch(b, indices) : NULL;
    Py_XDECREF(indices);
    return collated(b, samples);
}

/* Gathers by a list from somebody's sampler. 1 done, 0 these are not plain indices, -1 error. */
static int gather_list(const batches *b, PyObject *indices, PyObject **batch)
{
    if (!PyList_CheckExact(indices) || PyList_GET_SIZE(indices) == 0) return 0;
    int64_t n = PyList_GET_SIZE(indices), *row = new_ints(n);
    if (!row) return -1;
    int status = read_ints(indices, b->map ? b->map_n : b->rows, row);
    for (int64_t i = 0; status && b->map && i < n; i++) row[i] = b->map[row[i]];
    if (status) *batch = gather(b, n, row, 0);
    free_ints(row, n);
    return status && !*batch ? -1 : status;
}

static PyObject *next_of_sampler(batches *b)
{
    PyObject *index = PyIter_Next(b->sampler), *batch = NULL;
    if (!index) return NULL;
    int done = b->tensors ? gather_list(b, index, &batch) : 0;
    if (done == 0)
        batch = collated(b, b->batched ? fetch(b, index) : PyObject_GetItem(b->dataset, index));
    Py_DECREF(index);
    return batch;
}

static PyObject *batches_next(PyObject *self)
{
    batches *b = (batches *)self;
    PyObject *batch = b->sampler ? next_of_sampler(b) : next_of_own(b);
    b->yielded += batch != NULL;
    return batch;
}

/* ---- the type -------------------------------------------------------------------------------- */
static Py_ssize_t batches_length(PyObject *self)
{
    return PyObject_Size(((batches *)self)->index_sampler);
}

static int batches_traverse(PyObject *self, visitproc visit, void *arg)
{
    batches *b = (batches *)self;
    Py_VISIT(b->sampler);
    Py_VISIT(b->dataset);
    Py_VISIT(b->getitems);
    Py_VISIT(b->collate);
    Py_VISIT(b->tensors);
    Py_VISIT(b->index_sampler);
    return 0;
}

static int batches_clear(PyObject *self)
{
    batches *b = (batches *)self;
    b->started = b->past_end = true; /* our own order is at its end, too */
    b->at = b->n;
    Py_CLEAR(b->sampler);
    Py_CLEAR(b->dataset);
    Py_CLEAR(b->getitems);
    Py_CLEAR(b->collate);
    Py_CLEAR(b->tensors);
    Py_CLEAR(b->index_sampler);
    return 0;
}

static void batches_dealloc(PyObject *self)
{
    batches *b = (batches *)self;
    PyObject_GC_UnTrack(self);
    if (b->order) free_ints(b->order, b->n);
    if (b->map) free_ints(b->map, b->map_n);
    mt_generator_release(b->generator);
    batches_clear(self);
    PyObject_GC_Del(self);
}

static PySequenceMethods batches_sequence = {.sq_length = batches_length};

static PyMemberDef batches_members[] = {
    {"_base_seed", T_LONGLONG, offsetof(batches, base_seed), READONLY,
     "the seed drawn when the epoch began"},
    {"_num_yielded", T_PYSSIZET, offsetof(batches, yielded), READONLY,
     "how many batches there have been"},
    {"_index_sampler", T_OBJECT, offsetof(batches, index_sampler), READONLY,
     "where the indices come from"},
    {NULL, 0, 0, 0, NULL},
};

/* Programs of before PyTorch 1.13 say iterator.next(). */
static PyObject *batches_getattro(PyObject *self, PyObject *name)
{
    PyObject *value = PyObject_GenericGetAttr(self, name);
    if (value || !PyErr_ExceptionMatches(PyExc_AttributeError)) return value;
    const bool next = PyUnicode_CompareWithASCIIString(name, "next") == 0;
    return PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute '%U'%s",
                        strrchr(Py_TYPE(self)->tp_name, '.') + 1, name,
                        next ? ". Call next(iterator), which every iterator of Python answers."
                             : "");
}

static PyTypeObject batches_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name =
        "minitorch.utils.data.dataloader._SingleProcessDataLoaderIter",
    .tp_doc = "The batches of one epoch.",
    .tp_basicsize = sizeof(batches),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_dealloc = batches_dealloc,
    .tp_traverse = batches_traverse,
    .tp_clear = batches_clear,
    .tp_as_sequence = &batches_sequence,
    .tp_getattro = batches_getattro,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = batches_next,
    .tp_members = batches_members,
};

/* ---- functions of the module ----------------------------------------------------------------- */
static PyObject *collate_batch(PyObject *module, PyObject *batch)
{
    (void)module;
    return py_collate(batch);
}

/* _know_loader(TensorDataset, Subset, ...): the fields of py_loader_classes in order. */
static PyObject *know_loader(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    (void)module;
    PyObject **field = (PyObject **)&py_loader;
    if (n != sizeof py_loader / sizeof *field || !PyDict_Check(args[n - 1])) {
        PyErr_SetString(PyExc_TypeError, "_know_loader() takes what minitorch.utils.data gives it");
        return NULL;
    }
    for (Py_ssize_t i = 0; i < n; i++) Py_XSETREF(field[i], Py_NewRef(args[i]));
    if (py_collate_note_map() < 0) return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"_batches", new_batches, METH_O,
     "_batches(loader, /)\n--\n\nThe iterator over a map-style loader's batches, loaded in this "
     "process."},
    {"_collate", collate_batch, METH_O,
     "_collate(batch, /)\n--\n\nMakes one batch of a list of samples, as default_collate() does."},
    {"_know_loader", (PyCFunction)(void (*)(void))know_loader, METH_FASTCALL,
     "_know_loader(*classes)\n--\n\nHands over the classes that have a short way."},
    {NULL, NULL, 0, NULL},
};

int py_init_loader(PyObject *module)
{
#define INTERN(n)                                                                                  \
    if (!s_##n && !(s_##n = PyUnicode_InternFromString(#n))) return -1;
    NAMES(INTERN)
#undef INTERN
    if (PyType_Ready(&batches_type) < 0) return -1;
    return PyModule_AddFunctions(module, functions);
}
