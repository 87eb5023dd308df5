/* How a volume came to be, as JSON: what every CT plan says. */
#ifndef KVOX_CT_PROVENANCE_H
#define KVOX_CT_PROVENANCE_H

#include "ct/geometry.h"

/* Version, machine, method and scan; the plan adds members of its own before it closes. */
void kvox_ct_provenance_open(kvox_text *json, const kvox_context *context, bool on_device,
                             const kvox_ct_geometry *geometry, const char *method);

/* The grid and the end. The text is the caller's to release, NULL where json->status is a failure. */
char *kvox_ct_provenance_close(kvox_text *json, const kvox_grid *grid);

#endif
