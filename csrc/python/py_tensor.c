/* minitorch.Tensor: a thin Python object over the core's tensor, its life, and its slots.
 *
 * What it can do comes from elsewhere: operators are methods that py_op.c puts into its dict,
 * attributes and functions that are no operators stand in py_tensor_attrs.c, policy (copying,
 * pickling, formatting) in minitorch/_tensor.py. Read next: Note [Who owns whom].
 *
 * Note [Who owns whom]
 * The Python object owns its core tensor; the core tensor knows its object (host), so that the same
 * tensor is the same object wherever it comes up: x.grad is x.grad. An object without attributes of
 * its own can die and be made again later without anybody noticing. One with a __dict__ or of a
 * subclass cannot: when its last reference goes while the core tensor lives on (as a .grad, or kept
 * by the graph), ownership turns round. The core tensor then owns the object (MT_HOST_OWNED) until
 * somebody asks for it again, or until the core tensor dies and takes it along. */
#include "python/py_tensor.h"

#include <string.h>

#define FREE_MAX 128 /* dead objects kept for reuse: a step of a small network makes fewer */

static py_tensor *free_objects; /* linked through dict */
static int free_count;

/* ---- life ------------------------------------------------------------------------------------ */

/* Takes over one reference to t. */
static PyObject *wrap_new(mt_tensor *t)
{
    py_tensor *self = free_objects;
    if (MT_LIKELY(self != NULL)) {
        free_objects = (py_tensor *)self->dict;
        free_count--;
#if defined(Py_TRACE_REFS) || defined(Py_GIL_DISABLED)
        PyObject_Init((PyObject *)self, &py_tensor_type);
#else
        Py_SET_REFCNT((PyObject *)self, 1); /* its type is still there */
#endif
    } else {
        self = PyObject_GC_New(py_tensor, &py_tensor_type);
        if (!self) {
            mt_release(t);
            return NULL;
        }
    }
    self->t = t;
    self->dict = self->weakrefs = NULL;
    t->host = self;
    return (PyObject *)self;
}

/* Python runs a finalizer once in an object's life; one that has been handed over and back needs it
 * again. The mark is the lowest bit of the second word of the header that precedes every object
 * known to the garbage collector. */
static void forget_finalized(PyObject *o)
{
#ifndef Py_GIL_DISABLED
    ((uintptr_t *)o)[-1] &= ~(uintptr_t)1;
#endif
}

/* PyObject_GC_IsTracked without a call: the first word of that header is 0 where it is not. */
static inline bool is_tracked(PyObject *o)
{
#ifdef Py_GIL_DISABLED
    return PyObject_GC_IsTracked(o);
#else
    return ((uintptr_t *)o)[-2] != 0;
#endif
}

/* The living object of t; turns ownership back if the core had it. */
static PyObject *wrap_living(mt_tensor *t)
{
    PyObject *host = t->host;
    if (MT_LIKELY(!(t->flags & MT_HOST_OWNED))) return Py_NewRef(host);
    t->flags &= ~MT_HOST_OWNED;
    mt_retain(t);
    forget_finalized(host);
    return host; /* the core's reference becomes the caller's */
}

PyObject *py_wrap(mt_tensor *t)
{
    if (MT_UNLIKELY(!t)) return py_raise();
    return t->host ? wrap_living(t) : wrap_new(mt_retain(t));
}

PyObject *py_wrap_result(mt_tensor *t)
{
    if (MT_UNLIKELY(!t)) return py_raise();
    return MT_UNLIKELY(t->host != NULL) ? wrap_living(t) : wrap_new(mt_take(t));
}

PyObject *py_wrap_as(PyTypeObject *cls, mt_tensor *t)
{
    if (!t) return py_raise();
    if (cls == &py_tensor_type) return py_wrap(t);
    py_tensor *self = (py_tensor *)cls->tp_alloc(cls, 0);
    if (!self) return NULL;
    self->t = mt_retain(t);
    t->host = self;
    return (PyObject *)self;
}

PyObject *py_wrap_list(int n, mt_tensor **t, bool tuple)
{
    PyObject *list = tuple ? PyTuple_New(n) : PyList_New(n);
    for (int i = 0; list && i < n; i++) {
        PyObject *item = py_wrap(t[i]);
        if (!item) {
            Py_CLEAR(list);
        } else if (tuple) {
            PyTuple_SET_ITEM(list, i, item);
        } else {
            PyList_SET_ITEM(list, i, item);
        }
    }
    return list;
}

/* See Note [Who owns whom]. Called when nobody in Python refers to o any more. */
static void tensor_finalize(PyObject *o)
{
    mt_tensor *t = py_core(o);
    if (!t || t->refs <= 1 || (t->flags & MT_HOST_OWNED)) return;
    t->flags |= MT_HOST_OWNED;
    Py_INCREF(o);
    mt_release(t);
}

/* The core tensor t, which owns its object, has lost its last reference: the object gets it back
 * and goes. */
static void host_release(mt_tensor *t)
{
    PyGILState_STATE state = PyGILState_Ensure();
    t->refs = 1;
    t->flags &= ~MT_HOST_OWNED;
    forget_finalized(t->host);
    Py_DECREF((PyObject *)t->host);
    PyGILState_Release(state);
}

static void give_up_core(mt_tensor *t)
{
    if (!t) return;
    t->host = NULL;
    mt_release(t);
}

static void tensor_dealloc_rest(PyObject *o)
{
    py_tensor *self = (py_tensor *)o;
    PyTypeObject *type = Py_TYPE(o);
    /* Of a subclass, Python has called the finalizer already. */
    if (type == &py_tensor_type && PyObject_CallFinalizerFromDealloc(o) < 0) return;
    PyObject_GC_UnTrack(o);
    Py_TRASHCAN_BEGIN(o, tensor_dealloc_rest) if (self->weakrefs) PyObject_ClearWeakRefs(o);
    Py_CLEAR(self->dict);
    mt_tensor *t = self->t;
    self->t = NULL;
    give_up_core(t);
    type->tp_free(o);
    Py_TRASHCAN_END
}

static void tensor_dealloc(PyObject *o)
{
    py_tensor *self = (py_tensor *)o;
    mt_tensor *t = self->t;
    if (MT_UNLIKELY(Py_TYPE(o) != &py_tensor_type || self->dict || self->weakrefs)) {
        tensor_dealloc_rest(o);
        return;
    }
    if (is_tracked(o)) PyObject_GC_UnTrack(o);
    if (MT_LIKELY(free_count < FREE_MAX)) {
        self->t = NULL;
        self->dict = (PyObject *)free_objects;
        free_objects = self;
        free_count++;
    } else {
        PyObject_GC_Del(o);
    }
    give_up_core(t);
}

static int tensor_traverse(PyObject *o, visitproc visit, void *arg)
{
    Py_VISIT(((py_tensor *)o)->dict);
    return py_hooks_traverse(py_core(o), visit, arg);
}

static int tensor_clear(PyObject *o)
{
    Py_CLEAR(((py_tensor *)o)->dict);
    py_hooks_clear(py_core(o));
    return 0;
}

/* Objects are unknown to the garbage collector until they can be part of a cycle. */
static int tensor_setattro(PyObject *o, PyObject *name, PyObject *value)
{
    int failed = PyObject_GenericSetAttr(o, name, value);
    if (((py_tensor *)o)->dict && !PyObject_GC_IsTracked(o)) PyObject_GC_Track(o);
    return failed;
}

/* ---- operators as slots ------------------------------------------------------------------------
 * Python's operators are calls of our operators by name. An operand of a foreign kind gives
 * NotImplemented, so that Python asks the other side and then raises its own TypeError. */
/* clang-format off */
#define SLOT_OPS(X) \
    X(add) X(sub) X(mul) X(div) X(matmul) X(pow) \
    X(floor_divide) X(remainder) X(bitwise_and) X(bitwise_or) X(bitwise_xor) X(bitwise_left_shift) \
    X(bitwise_right_shift) X(neg) X(abs) X(bitwise_not) X(rsub) X(reciprocal) \
    X(add_) X(sub_) X(mul_) X(div_) X(pow_) X(floor_divide_) \
    X(remainder_) X(bitwise_and_) X(bitwise_or_) X(bitwise_xor_) X(bitwise_left_shift_) \
    X(bitwise_right_shift_) \
    X(lt) X(le) X(eq) X(ne) X(gt) X(ge) \
    X(unbind)
/* clang-format on */
enum {
#define X(name) SLOT_##name,
    SLOT_OPS(X)
#undef X
        NUM_SLOT_OPS
};
static const char *const slot_names[] = {
#define X(name) #name,
    SLOT_OPS(X)
#undef X
};

static PyObject *slot_ops[NUM_SLOT_OPS];

/* Operators live as long as the module, so what has been found once is kept. */
static PyObject *slot_op(int which)
{
    if (MT_LIKELY(slot_ops[which] != NULL)) return slot_ops[which];
    slot_ops[which] = py_op_find(slot_names[which], true);
    if (slot_ops[which]) return slot_ops[which];
    PyErr_Clear();
    return slot_ops[which] = py_op_find(slot_names[which], false); /* rsub is a function only */
}

static PyObject *slot_call(int which, PyObject *const *args, Py_ssize_t n)
{
    PyObject *op = slot_op(which);
    return op ? py_op_call(op, args, n) : NULL;
}

static inline bool is_quick_operand(PyObject *o)
{
    return Py_TYPE(o) == &py_tensor_type || PyFloat_CheckExact(o) || PyLong_CheckExact(o);
}

/* What may stand beside a tensor: another one, or a number. */
static bool is_operand(PyObject *o)
{
    mt_scalar s;
    if (is_quick_operand(o) || py_tensor_check(o)) return true;
    int number = py_is_array(o) ? 0 : py_scalar_from(o, &s);
    if (number < 0) PyErr_Clear(); /* an int beyond int64: the operator says so */
    return number != 0;
}

/* A number as a tensor that counts as a number in promotion. */
static PyObject *number_tensor(PyObject *o)
{
    mt_scalar s;
    if (py_scalar_from(o, &s) != 1) return NULL;
    mt_scope scope = mt_scope_open();
    PyObject *t = py_wrap_result(mt_number_of(s));
    mt_scope_close(scope);
    return t;
}

/* number OP tensor, where no operator has the number on the left. */
static PyObject *reflected(int which, PyObject *number, PyObject *tensor)
{
    PyObject *left = number_tensor(number);
    if (!left) return NULL;
    PyObject *args[2] = {left, tensor};
    PyObject *result = slot_call(which, args, 2);
    Py_DECREF(left);
    return result;
}

static PyObject *binary(int which, PyObject *a, PyObject *b)
{
    if (MT_UNLIKELY(!py_tensor_check(a))) {
        if (!is_operand(a)) Py_RETURN_NOTIMPLEMENTED;
        return reflected(which, a, b);
    }
    if (!is_operand(b)) Py_RETURN_NOTIMPLEMENTED;
    PyObject *args[2] = {a, b};
    return slot_call(which, args, 2);
}

/* Where a OP b is b OP a, the number may come second, and no tensor is made of it. */
static PyObject *commutative(int which, PyObject *a, PyObject *b)
{
    return py_tensor_check(a) ? binary(which, a, b) : binary(which, b, a);
}

static PyObject *inplace(int which, PyObject *a, PyObject *b)
{
    if (!is_operand(b)) Py_RETURN_NOTIMPLEMENTED;
    PyObject *args[2] = {a, b};
    return slot_call(which, args, 2);
}

/* Two tensors, or one and a number of Python's, take no detours. */
#define BINARY_SLOT(how, name)                                                                     \
    static PyObject *slot_##name(PyObject *a, PyObject *b)                                         \
    {                                                                                              \
        PyObject *op = slot_ops[SLOT_##name], *args[2] = {a, b};                                   \
        if (MT_LIKELY(op && Py_TYPE(a) == &py_tensor_type && is_quick_operand(b)))                 \
            return py_op_call(op, args, 2);                                                        \
        return how(SLOT_##name, a, b);                                                             \
    }
BINARY_SLOT(commutative, add)
BINARY_SLOT(commutative, mul)
BINARY_SLOT(commutative, bitwise_and)
BINARY_SLOT(commutative, bitwise_or)
BINARY_SLOT(commutative, bitwise_xor)
BINARY_SLOT(binary, floor_divide)
BINARY_SLOT(binary, remainder)
BINARY_SLOT(binary, bitwise_left_shift)
BINARY_SLOT(binary, bitwise_right_shift)
BINARY_SLOT(inplace, add_)
BINARY_SLOT(inplace, sub_)
BINARY_SLOT(inplace, mul_)
BINARY_SLOT(inplace, div_)
BINARY_SLOT(inplace, floor_divide_)
BINARY_SLOT(inplace, remainder_)
BINARY_SLOT(inplace, bitwise_and_)
BINARY_SLOT(inplace, bitwise_or_)
BINARY_SLOT(inplace, bitwise_xor_)
BINARY_SLOT(inplace, bitwise_left_shift_)
BINARY_SLOT(inplace, bitwise_right_shift_)

static PyObject *sub(int which, PyObject *a, PyObject *b)
{
    if (py_tensor_check(a)) return binary(which, a, b);
    if (!is_operand(a)) Py_RETURN_NOTIMPLEMENTED;
    PyObject *args[2] = {b, a};
    return slot_call(SLOT_rsub, args, 2);
}

/* 3 / x is 3 * (1 / x), as in PyTorch: the last bit may differ from a true division. */
static PyObject *divide(int which, PyObject *a, PyObject *b)
{
    if (py_tensor_check(a)) return binary(which, a, b);
    PyObject *inverse = slot_call(SLOT_reciprocal, &b, 1);
    if (!inverse) return NULL;
    PyObject *result = PyNumber_Multiply(inverse, a);
    Py_DECREF(inverse);
    return result;
}
BINARY_SLOT(sub, sub)
BINARY_SLOT(divide, div)

/* Matrices have no numbers beside them. */
static PyObject *slot_matmul(PyObject *a, PyObject *b)
{
    if (!py_tensor_check(a) || !py_tensor_check(b)) Py_RETURN_NOTIMPLEMENTED;
    PyObject *args[2] = {a, b};
    return slot_call(SLOT_matmul, args, 2);
}

static PyObject *slot_pow(PyObject *a, PyObject *b, PyObject *modulus)
{
    if (modulus != Py_None) Py_RETURN_NOTIMPLEMENTED;
    return binary(SLOT_pow, a, b);
}

static PyObject *slot_pow_(PyObject *a, PyObject *b, PyObject *modulus)
{
    if (modulus != Py_None) Py_RETURN_NOTIMPLEMENTED;
    return inplace(SLOT_pow_, a, b);
}

static PyObject *slot_neg(PyObject *a) { return slot_call(SLOT_neg, &a, 1); }
static PyObject *slot_pos(PyObject *a)
{
    if (py_core(a)->dtype != MT_BOOL) return Py_NewRef(a);
    return PyErr_Format(PyExc_RuntimeError, "The `+` operator, on a bool tensor is not supported.");
}
static PyObject *slot_abs(PyObject *a) { return slot_call(SLOT_abs, &a, 1); }

static PyObject *slot_invert(PyObject *a)
{
    if (!mt_is_inexact((mt_dtype)py_core(a)->dtype)) return slot_call(SLOT_bitwise_not, &a, 1);
    return PyErr_Format(
        PyExc_TypeError,
        "~ (operator.invert) is only implemented on integer and Boolean-type tensors");
}

static PyObject *compare_with_array(int which, PyObject *a, PyObject *array)
{
    mt_scope scope = mt_scope_open();
    mt_tensor *t = py_from_array(array, false);
    PyObject *other = t ? py_wrap_result(t) : NULL;
    mt_scope_close(scope);
    PyObject *result = other ? binary(which, a, other) : NULL;
    Py_XDECREF(other);
    return result;
}

static PyObject *tensor_compare(PyObject *a, PyObject *b, int op)
{
    static const int which[] = {SLOT_lt, SLOT_le, SLOT_eq,
                                SLOT_ne, SLOT_gt, SLOT_ge}; /* Py_LT .. Py_GE */
    /* NumPy leaves == and != to the tensor, and would otherwise compare identities. */
    if (MT_UNLIKELY((op == Py_EQ || op == Py_NE) && py_is_array(b)))
        return compare_with_array(which[op], a, b);
    return binary(which[op], a, b);
}

/* ---- as a Python number ---------------------------------------------------------------------- */
static int tensor_bool(PyObject *self)
{
    const mt_tensor *t = py_core(self);
    if (t->numel == 1) {
        mt_scalar s = mt_item_at(t, 0);
        return s.kind == MT_SCALAR_INT ? s.v.i != 0 : mt_scalar_to_double(s) != 0 || s.imag != 0;
    }
    PyErr_SetString(PyExc_RuntimeError,
                    t->numel == 0
                        ? "Boolean value of Tensor with no values is ambiguous"
                        : "Boolean value of Tensor with more than one value is ambiguous");
    return -1;
}

/* type: the C type in the text about a number that is complex. */
static PyObject *one_element(PyObject *self, const char *type)
{
    if (py_core(self)->numel == 1) {
        mt_scalar s = mt_item_at(py_core(self), 0);
        if (s.kind != MT_SCALAR_COMPLEX || s.imag == 0)
            return py_scalar_object(s.kind == MT_SCALAR_COMPLEX ? mt_scalar_float(s.v.d) : s);
        return PyErr_Format(PyExc_RuntimeError,
                            "value cannot be converted to type %s without overflow", type);
    }
    return PyErr_Format(PyExc_ValueError,
                        "only one element tensors can be converted to Python scalars");
}

int py_warn_of_history(const mt_tensor *t)
{
    static bool told;
    if (MT_LIKELY(told || !mt_requires_grad(t) || mt_self.no_grad)) return 0;
    told = true;
    return PyErr_WarnEx(PyExc_UserWarning,
                        "Converting a tensor with requires_grad=True to a scalar may lead to "
                        "unexpected behavior.\nConsider using tensor.detach() first. Hint: item() "
                        "gives the number without a word.",
                        1);
}

static PyObject *tensor_float(PyObject *self)
{
    PyObject *number = one_element(self, "double"), *result = NULL;
    if (number && py_warn_of_history(py_core(self)) == 0) result = PyNumber_Float(number);
    Py_XDECREF(number);
    return result;
}

static PyObject *tensor_int(PyObject *self)
{
    PyObject *number = one_element(self, "int64_t"),
             *result = number ? PyNumber_Long(number) : NULL;
    Py_XDECREF(number);
    return result;
}

static PyObject *tensor_index(PyObject *self)
{
    const mt_tensor *t = py_core(self);
    if (t->numel == 1 && !mt_is_inexact((mt_dtype)t->dtype))
        return PyLong_FromLongLong(mt_scalar_to_int(mt_item_at(t, 0)));
    return PyErr_Format(PyExc_TypeError,
                        "only integer tensors of a single element can be converted to an index");
}

/* ---- as a container -------------------------------------------------------------------------- */
static Py_ssize_t tensor_len(PyObject *self)
{
    const mt_tensor *t = py_core(self);
    if (t->ndim > 0) return (Py_ssize_t)t->size[0];
    PyErr_SetString(PyExc_TypeError, "len() of a 0-d tensor");
    return -1;
}

static int tensor_contains(PyObject *self, PyObject *element)
{
    if (!is_operand(element)) {
        PyErr_Format(PyExc_RuntimeError,
                     "Tensor.__contains__ only supports Tensor or scalar, but you passed in a %R.",
                     Py_TYPE(element));
        return -1;
    }
    PyObject *equal = binary(SLOT_eq, self, element);
    if (!equal) return -1;
    mt_scope scope = mt_scope_open();
    mt_tensor *t = mt_contiguous_raw(py_core(equal), MT_BOOL);
    int found = t ? memchr(t->data, 1, (size_t)t->numel) != NULL : py_raise_int();
    mt_scope_close(scope);
    Py_DECREF(equal);
    return found;
}

static PyObject *tensor_iter(PyObject *self)
{
    if (py_core(self)->ndim == 0)
        return PyErr_Format(PyExc_TypeError, "iteration over a 0-d tensor");
    PyObject *rows = slot_call(SLOT_unbind, &self, 1);
    if (!rows) return NULL;
    PyObject *iterator = PyObject_GetIter(rows);
    Py_DECREF(rows);
    return iterator;
}

static int tensor_ass_subscript(PyObject *self, PyObject *key, PyObject *value)
{
    if (value) return py_tensor_setitem(self, key, value);
    PyErr_SetString(PyExc_TypeError, "Tensor does not support deleting items");
    return -1;
}

static int tensor_ass_item(PyObject *self, Py_ssize_t i, PyObject *value)
{
    PyObject *key = PyLong_FromSsize_t(i);
    int failed = key ? tensor_ass_subscript(self, key, value) : -1;
    Py_XDECREF(key);
    return failed;
}

/* By identity, though == compares elements. */
static Py_hash_t tensor_hash(PyObject *self) { return (Py_hash_t)(intptr_t)self; }

/* ---- text ------------------------------------------------------------------------------------ */
static PyObject *tensor_repr(PyObject *self)
{
    PyObject *policy = PyImport_ImportModule("minitorch._tensor_str");
    if (!policy) return NULL;
    PyObject *text = PyObject_CallMethod(policy, "tensor_repr", "O", self);
    Py_DECREF(policy);
    return text;
}

static PyObject *tensor_new(PyTypeObject *cls, PyObject *args, PyObject *kwargs)
{
    return py_legacy_new(cls, mt_default_dtype(), args, kwargs);
}

/* ---- the type -------------------------------------------------------------------------------- */
static PyNumberMethods tensor_number = {
    .nb_add = slot_add,
    .nb_subtract = slot_sub,
    .nb_multiply = slot_mul,
    .nb_remainder = slot_remainder,
    .nb_power = slot_pow,
    .nb_negative = slot_neg,
    .nb_positive = slot_pos,
    .nb_absolute = slot_abs,
    .nb_bool = tensor_bool,
    .nb_invert = slot_invert,
    .nb_lshift = slot_bitwise_left_shift,
    .nb_rshift = slot_bitwise_right_shift,
    .nb_and = slot_bitwise_and,
    .nb_xor = slot_bitwise_xor,
    .nb_or = slot_bitwise_or,
    .nb_int = tensor_int,
    .nb_float = tensor_float,
    .nb_inplace_add = slot_add_,
    .nb_inplace_subtract = slot_sub_,
    .nb_inplace_multiply = slot_mul_,
    .nb_inplace_remainder = slot_remainder_,
    .nb_inplace_power = slot_pow_,
    .nb_inplace_lshift = slot_bitwise_left_shift_,
    .nb_inplace_rshift = slot_bitwise_right_shift_,
    .nb_inplace_and = slot_bitwise_and_,
    .nb_inplace_xor = slot_bitwise_xor_,
    .nb_inplace_or = slot_bitwise_or_,
    .nb_floor_divide = slot_floor_divide,
    .nb_true_divide = slot_div,
    .nb_inplace_floor_divide = slot_floor_divide_,
    .nb_inplace_true_divide = slot_div_,
    .nb_index = tensor_index,
    .nb_matrix_multiply = slot_matmul,
};
static PySequenceMethods tensor_sequence = {
    .sq_length = tensor_len,
    .sq_item = py_tensor_select,
    .sq_ass_item = tensor_ass_item,
    .sq_contains = tensor_contains,
};
static PyMappingMethods tensor_mapping = {
    .mp_length = tensor_len,
    .mp_subscript = py_tensor_getitem,
    .mp_ass_subscript = tensor_ass_subscript,
};

PyDoc_STRVAR(tensor_doc,
             "Tensor(*sizes) or Tensor(data)\n--\n\n"
             "An array of numbers of one dtype that can remember how it was computed.\n\n"
             "Use minitorch.tensor(data) to make one; this constructor makes an uninitialised "
             "tensor of the default dtype from sizes, and one with values from a list.");

static PyTypeObject meta_type;

/* The name has no module in it, so that Python's own messages say 'Tensor'; see the metaclass. */
PyTypeObject py_tensor_type = {
    PyVarObject_HEAD_INIT(&meta_type, 0).tp_name = "Tensor",
    .tp_basicsize = sizeof(py_tensor),
    .tp_dealloc = tensor_dealloc,
    .tp_repr = tensor_repr,
    .tp_as_number = &tensor_number,
    .tp_as_sequence = &tensor_sequence,
    .tp_as_mapping = &tensor_mapping,
    .tp_hash = tensor_hash,
    .tp_setattro = tensor_setattro,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_doc = tensor_doc,
    .tp_traverse = tensor_traverse,
    .tp_clear = tensor_clear,
    .tp_richcompare = tensor_compare,
    .tp_weaklistoffset = offsetof(py_tensor, weakrefs),
    .tp_iter = tensor_iter,
    .tp_methods = py_tensor_methods,
    .tp_getset = py_tensor_getset,
    .tp_dictoffset = offsetof(py_tensor, dict),
    .tp_new = tensor_new,
    .tp_free = PyObject_GC_Del,
    .tp_finalize = tensor_finalize,
};

/* ---- the metaclass
 * ------------------------------------------------------------------------------------------------
 * Tensor is a static type whose name is bare; its class says where it lives. Subclasses are as in
 * plain Python. Programs may give Tensor attributes and take them away, as they may PyTorch's, dunders
 * included: Python moves the slots behind them, in the tables above. */
static PyObject *plain_module(void)
{
    PyObject *dict = PyObject_GetAttrString((PyObject *)&PyType_Type, "__dict__");
    PyObject *descriptor = dict ? PyMapping_GetItemString(dict, "__module__") : NULL;
    Py_XDECREF(dict);
    return descriptor;
}

static PyObject *meta_get_module(PyObject *cls, void *Py_UNUSED(closure))
{
    if (cls == (PyObject *)&py_tensor_type) return PyUnicode_FromString("minitorch");
    PyObject *descriptor = plain_module();
    if (!descriptor) return NULL;
    PyObject *name = Py_TYPE(descriptor)->tp_descr_get(descriptor, cls, (PyObject *)Py_TYPE(cls));
    Py_DECREF(descriptor);
    return name;
}

static int meta_set_module(PyObject *cls, PyObject *value, void *Py_UNUSED(closure))
{
    PyObject *descriptor = plain_module();
    if (!descriptor) return -1;
    int failed = Py_TYPE(descriptor)->tp_descr_set(descriptor, cls, value);
    Py_DECREF(descriptor);
    return failed;
}

static PyObject *meta_repr(PyObject *cls)
{
    if (cls == (PyObject *)&py_tensor_type)
        return PyUnicode_FromString("<class 'minitorch.Tensor'>");
    return PyType_Type.tp_repr(cls);
}

/* Of a static type Python would not find the way back to tp_new, and ours lives on when Python lets it go, which
 * tp_finalize sees to. */
static int meta_setattro(PyObject *cls, PyObject *name, PyObject *value)
{
    if (cls == (PyObject *)&py_tensor_type && PyUnicode_Check(name) &&
        (PyUnicode_CompareWithASCIIString(name, "__new__") == 0 ||
         PyUnicode_CompareWithASCIIString(name, "__del__") == 0)) {
        PyErr_Format(PyExc_TypeError,
                     "cannot set '%U' attribute of type 'Tensor': give it to a subclass", name);
        return -1;
    }
    return PyType_Type.tp_setattro(cls, name, value);
}

static PyGetSetDef meta_getset[] = {
    {"__module__", meta_get_module, meta_set_module, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject meta_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minitorch._TensorMeta",
    .tp_repr = meta_repr,
    .tp_setattro = meta_setattro,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_doc = "The class of Tensor and its subclasses.",
    .tp_getset = meta_getset,
    .tp_base = &PyType_Type,
};

/* Adds methods written in Python (minitorch/_tensor.py), all at once. */
static PyObject *extend_tensor(PyObject *Py_UNUSED(module), PyObject *methods)
{
    if (PyDict_Update(py_tensor_type.tp_dict, methods) < 0) return NULL;
    PyType_Modified(&py_tensor_type);
    Py_RETURN_NONE;
}

/* For tests: the nth allocation of the core from now on fails, and with persistent all after it. */
static PyObject *fail_alloc_after(PyObject *Py_UNUSED(module), PyObject *args)
{
    unsigned long long n;
    int persistent = 0;
    if (!PyArg_ParseTuple(args, "K|p:_fail_alloc_after", &n, &persistent)) return NULL;
    return PyLong_FromUnsignedLongLong(mt_fail_alloc_after(n, persistent));
}

static PyObject *live(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    mt_alloc_stats stats = mt_alloc_get_stats();
    return Py_BuildValue("LLLL", (long long)mt_live_tensors, (long long)mt_live_storages,
                         (long long)stats.live_blocks, (long long)stats.live_bytes);
}

static PyMethodDef functions[] = {
    {"_extend_tensor", extend_tensor, METH_O,
     "_extend_tensor(methods, /)\n--\n\nAdds a dict of methods to Tensor."},
    {"_fail_alloc_after", fail_alloc_after, METH_VARARGS,
     "_fail_alloc_after(n, persistent=False, /)\n--\n\nFor tests: makes the nth allocation from "
     "now fail; 0 ends that. Returns how many were asked for since the last call."},
    {"_live", live, METH_NOARGS,
     "_live()\n--\n\nFor tests: living tensors, storages, memory blocks, and bytes."},
    {NULL, NULL, 0, NULL},
};

/* Python takes the wrapper of a slot __iadd__ for the slot of sequences of that name too, in subclasses, and there
 * NotImplemented is the result: x += "a" would make it x. A method is taken for neither. */
static PyMethodDef iadd = {"__iadd__", slot_add_, METH_O, "Return self+=value."};

int py_init_tensor(PyObject *module)
{
    mt_host_release = host_release;
    if (PyType_Ready(&meta_type) < 0 || PyType_Ready(&py_tensor_type) < 0) return -1;
    py_tensor_type.tp_flags &= ~Py_TPFLAGS_IMMUTABLETYPE; /* which all static types get */
    PyObject *name = PyUnicode_FromString("minitorch"), *priority = PyFloat_FromDouble(1000.0);
    PyObject *method = PyDescr_NewMethod(&py_tensor_type, &iadd);
    int failed = !name || !priority || !method ||
                 PyDict_SetItemString(py_tensor_type.tp_dict, "__iadd__", method) < 0 ||
                 PyDict_SetItemString(py_tensor_type.tp_dict, "__module__", name) < 0 ||
                 PyDict_SetItemString(py_tensor_type.tp_dict, "__array_priority__", priority) < 0 ||
                 PyModule_AddObjectRef(module, "Tensor", (PyObject *)&py_tensor_type) < 0 ||
                 PyModule_AddObjectRef(module, "_TensorMeta", (PyObject *)&meta_type) < 0;
    Py_XDECREF(name);
    Py_XDECREF(priority);
    Py_XDECREF(method);
    return failed ? -1 : PyModule_AddFunctions(module, functions);
}
