/* One ray after the other through a volume as it lies: what all vector variants share. */
#ifndef KVOX_CT_RAYS_LINE_H
#define KVOX_CT_RAYS_LINE_H

#include "ct/rays.h"

void kvox_rays_project_row(const kvox_rays_row *row);
void kvox_rays_backproject_row(const kvox_rays_row *row);

#endif
