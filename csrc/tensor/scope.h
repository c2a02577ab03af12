/* Who owns a result. Five sentences:
 *
 * 1. A function that returns mt_tensor * returns a tensor owned by the innermost open scope.
 * 2. mt_retain keeps it beyond the scope, mt_release gives it up; nothing else frees a tensor.
 * 3. Arguments are borrowed; whoever stores one retains it.
 * 4. Storage is counted separately and may have a foreign release; views share it.
 * 5. No open scope is a programming error; the binding opens one per call, the engine one per
 *    rule, a C program one per training step.
 *
 * A scope is a mark in a thread-local stack of tensors: opening costs
 * nothing, a result is one push. */
#ifndef MT_TENSOR_SCOPE_H
#define MT_TENSOR_SCOPE_H

#include "tensor/tensor.h"

typedef int mt_scope;

static inline mt_scope mt_scope_open(void)
{
    mt_self.scope_depth++;
    return mt_self.scope_top;
}

/* Releases what the scope still owns. */
static inline void mt_scope_close(mt_scope mark)
{
    while (mt_self.scope_top > mark) mt_release(mt_self.scope[--mt_self.scope_top]);
    mt_self.scope_depth--;
}

/* Room for one more: slow path of mt_own. */
int mt_scope_grow(void);

/* Hands t (one reference of the caller's) to the innermost scope. NULL in, NULL
 * out; on failure t is released. */
static MT_INLINE mt_tensor *mt_own(mt_tensor *t)
{
    if (MT_UNLIKELY(!t)) return NULL;
    if (MT_UNLIKELY(mt_self.scope_top == mt_self.scope_capacity) && mt_scope_grow() < 0) {
        mt_release(t);
        return NULL;
    }
    MT_ASSERT(mt_self.scope_depth > 0);
    mt_self.scope[mt_self.scope_top++] = t;
    return t;
}

/* The reverse: the caller gets a reference of its own to t, which some scope may own. */
static MT_INLINE mt_tensor *mt_take(mt_tensor *t)
{
    if (t && mt_self.scope_top > 0 && mt_self.scope[mt_self.scope_top - 1] == t)
        mt_self.scope_top--;
    else if (t)
        mt_retain(t);
    return t;
}

/* Closes the scope but hands t to the one around it: `return mt_scope_return(scope, result);` */
static inline mt_tensor *mt_scope_return(mt_scope mark, mt_tensor *t)
{
    mt_take(t);
    mt_scope_close(mark);
    return mt_own(t);
}

#endif
