/* What an operator is, and what a call is.
 *
 * A graph node is a remembered call: the record that ran the operator is the record that
 * differentiates it. Read next: graph/apply.h. */
#ifndef MT_GRAPH_OP_H
#define MT_GRAPH_OP_H

#include "tensor/scope.h"
#include "tensor/tensor.h"

struct mt_generator;

/* One argument that is not a tensor. `given` is false where an optional
 * one was left out or None. */
typedef struct mt_arg {
    bool given;
    bool constant; /* what it points to outlives every graph: a schema's default */
    union {
        bool b;
        int64_t i; /* int, dtype (mt_dtype), memory format */
        double d;
        mt_scalar s;
        struct {
            const int64_t *v;
            int64_t n;
        } ints;
        struct {
            const double *v;
            int64_t n;
        } doubles;
        const char *text;
        struct mt_generator *generator;
    };
} mt_arg;

/* The shape and type of an input, there for the rule even where its values are not kept. */
typedef struct mt_dims {
    int ndim;
    mt_dtype dtype;
    const int64_t *size;
    int64_t numel;
} mt_dims;

typedef struct mt_op mt_op;

typedef struct mt_call {
    const mt_op *op;
    int32_t nin, nout;
    int16_t narg;
    uint16_t flags; /* MT_CALL_* */
    mt_tensor **in; /* in schema order, lists spread out; NULL where an optional one is missing */
    mt_tensor **out;
    mt_tensor **target;     /* with MT_CALL_INPLACE / MT_CALL_OUT: where the results must end up */
    mt_arg *arg;            /* the other arguments in schema order */
    const mt_dims *in_dims; /* only in rules (backward) */
    void *context; /* what forward leaves for backward: a Python function's record; op->release */
} mt_call;

#define MT_CALL_INPLACE 1u /* the result is written to in[0] */
#define MT_CALL_OUT     2u /* target[] was given by the caller */
#define MT_CALL_NARROW  8u /* an argument is a narrow or complex dtype or number: graph/narrow.c */
#define MT_CALL_LIST    4u /* out[] was made by mt_result_list: the caller of mt_apply frees it */
#define MT_MAX_TARGETS  4

/* kinds */
#define MT_PRIMITIVE    0u    /* forward computes; the call is remembered */
#define MT_COMPOSITE    1u    /* forward is written with differentiable operators; no backward */
#define MT_NODIFF       2u    /* results never require grad */
#define MT_VIEW         4u    /* out[*] show in[0]'s memory */
#define MT_FUNCTION     16u   /* minitorch.name */
#define MT_METHOD       32u   /* Tensor.name */
#define MT_NN           64u   /* minitorch.nn.functional.name */
#define MT_INPLACE      128u  /* Tensor.name_ (and minitorch.name_) */
#define MT_OUT          256u  /* out= */
#define MT_FACTORY      512u  /* takes dtype, device, layout, pin_memory, requires_grad */
#define MT_VARARGS      1024u /* the first int[] may be given as several ints: view(2, 3) */
#define MT_INPLACE_ONLY 2048u /* only Tensor.name_ exists: the schema's name ends in _ */
#define MT_LINALG       4096u /* minitorch.linalg.name */
#define MT_SPECIAL      8192u /* minitorch.special.name */
#define MT_RANDOM 16384u /* draws from a generator: the host keeps its lock, however big the work */
#define MT_ANY_DTYPE 65536u /* moves bits: takes all types as they are (all views do) */
#define MT_PACKED 131072u   /* what a node keeps lies with its host: it is used up like any other */
#define MT_IDEMPOTENT 32768u /* in place on expanded memory is fine: all writes are the same */

/* keeps: what a gradient may read */
#define MT_KEEP_NONE   0u
#define MT_KEEP_IN(i)  (1u << (i))
#define MT_KEEP_OUT(k) (256u << (k))
#define MT_KEEP_ALL_IN 0xffu /* lists: every input */
#define MT_KEEP_SLOTS  4

/* What the schema says of the arguments, read once: which of them point to
 * memory that a node must copy. */
#define MT_MAX_ARGS 12
typedef struct mt_op_plan {
    bool ready, points;
    uint8_t kind[MT_MAX_ARGS]; /* MT_ARG_* */
} mt_op_plan;
enum {
    MT_ARG_PLAIN,
    MT_ARG_DTYPE,
    MT_ARG_SCALAR,
    MT_ARG_INTS, /* from here on they point */
    MT_ARG_DOUBLES,
    MT_ARG_TEXT,
    MT_ARG_GENERATOR
};

struct mt_op {
    const char *name;   /* C identifier, unique: "max_dim"; grad_fn prints as MaxDimBackward0 */
    const char *schema; /* "mean.dim(Tensor self, int[1]? dim, bool keepdim=False) -> Tensor" */
    const char *doc;    /* shown by help(); first line one sentence, then shapes, errors, example */
    const char *formula;   /* pointwise rows: f(x) as the kernel computes it */
    const char *rule;      /* in words or as source, for help() and grad_fn.rule; NULL if long */
    const char *grad_name; /* what grad_fn calls itself, "AddBackward0"; NULL: made from name */
    uint32_t kind;
    uint16_t keeps[MT_KEEP_SLOTS]; /* for the gradient of input i, or from the last slot on */
    mt_op_plan *plan;              /* NULL: no arguments */
    int row;                       /* pointwise rows: index into the kernel table */
    int (*forward)(mt_call *c);    /* check, make the results with mt_result, compute */
    /* gin[i] is non-NULL on entry where wanted (any non-NULL value), the gradient
     * or NULL (zero) on return. */
    void (*backward)(const mt_call *c, mt_tensor **gout, mt_tensor **gin);
    /* The same, fused and not differentiable: used when no graph of the
     * backward is wanted. NULL: none. */
    void (*fused)(const mt_call *c, mt_tensor **gout, mt_tensor **gin);
    /* The same as `fused`, bit for bit, over plain memory (autograd/chain.h), for operators with one
     * result: gout is a contiguous array of the result's shape and type, gin[i], where a gradient is
     * wanted, the place for one of input i's. 1: done. 0: this call is not that simple, and nothing
     * was written. -1: error. NULL: there is none. */
    int (*raw)(const mt_call *c, const void *gout, void **gin);
    void (*release)(void *context);
    /* Where the name depends on the call (AddmmBackward0 or MmBackward0); NULL: grad_name. */
    const char *(*grad_name_of)(const mt_call *c);
    /* The inputs as PyTorch's node of that name lists them ("201"), without those not given; NULL: all in turn. */
    const char *edges;
};

/* The plan of an operator that has arguments: read from its schema at the first call. */
const mt_op_plan *mt_op_read_plan(const mt_op *op);
static inline const mt_op_plan *mt_op_get_plan(const mt_op *op)
{
    return __atomic_load_n(&op->plan->ready, __ATOMIC_ACQUIRE) ? op->plan : mt_op_read_plan(op);
}

/* Declares a record: MT_OP(mm, .kind = ..., .keeps = {...}, .schema = "...", .doc = "...")
 * for functions mm_forward and, unless .backward is given otherwise, none. */
#define MT_OP(id, ...)                                                                             \
    static mt_op_plan id##_plan;                                                                   \
    const mt_op mt_op_##id = {.name = #id, .forward = id##_forward, .plan = &id##_plan, __VA_ARGS__}

#endif
