/* Kvox: images from a part of k-space, by what is known of their phase. */
#ifndef KVOX_MRI_PARTIAL_H
#define KVOX_MRI_PARTIAL_H

#include <kvox/context.h>
#include <kvox/mri_fourier.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How samples that were not measured are found. */
enum {
  KVOX_MRI_ZERO_FILL = 0, /* they are zero */
  KVOX_MRI_HOMODYNE = 1,  /* Noll, Nishimura, Macovski 1991: one axis alone */
  KVOX_MRI_POCS = 2       /* Haacke, Lindskog, Lin 1991: any axes, by iteration */
};

#ifdef __cplusplus
}
#endif

#endif
