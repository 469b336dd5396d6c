#pragma once

#include <apus.h>

DECLARE_DEPENDENCY(get_token_header, apus_none);
DECLARE_DEPENDENCY(get_query_token, apus_none);
