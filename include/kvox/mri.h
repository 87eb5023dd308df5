/* Kvox: magnetic resonance imaging, from readouts to images. */
#ifndef KVOX_MRI_H
#define KVOX_MRI_H

#include <kvox/mri_coils.h>
#include <kvox/mri_epi.h>
#include <kvox/mri_fourier.h>
#include <kvox/mri_maps.h>
#include <kvox/mri_noise.h>
#include <kvox/mri_operator.h>
#include <kvox/mri_partial.h>
#include <kvox/mri_readout.h>
#include <kvox/mri_recon.h>

#endif
