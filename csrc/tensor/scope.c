/* The scope stack's growth; everything else is inline in scope.h. */
#include "tensor/scope.h"

int mt_scope_grow(void)
{
    int capacity = mt_self.scope_capacity ? 2 * mt_self.scope_capacity : 64;
    size_t item = sizeof *mt_self.scope;
    mt_tensor **grown =
        mt_regrow(mt_self.scope, (size_t)mt_self.scope_capacity * item, (size_t)capacity * item);
    if (!grown) return -1;
    mt_self.scope = grown;
    mt_self.scope_capacity = capacity;
    return 0;
}
