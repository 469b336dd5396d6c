#ifndef ITEMS_H
#define ITEMS_H

#include <apus.h>

DECLARE_ROUTES(items);

#endif
