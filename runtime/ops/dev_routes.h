/* /_dev: what `app dev` shows in the browser. Only there while a process belongs to it. */
#ifndef OPS_DEV_ROUTES_H
#define OPS_DEV_ROUTES_H

#include "apus.h"

/** /_dev, /_dev/state and /_dev/script.js. */
const apus_routes *dev_routes(void);
/** The address of the script that shows a broken build on a page, and reloads it. NULL outside of `app dev`. */
const char *dev_script(const char *root_path);
/** Whether a request is for one of them: not logged. */
bool dev_routes_own(apus_str path);
/** Answers with one of the texts of dev_share.h. */
int dev_answer(apus_request *req, int status, int which);

#endif
