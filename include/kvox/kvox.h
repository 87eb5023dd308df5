/* Kvox: the whole library but its formats (kvox/io.h) and what companion libraries need (kvox/extend.h). */
#ifndef KVOX_KVOX_H
#define KVOX_KVOX_H

#include <kvox/array.h>
#include <kvox/base.h>
#include <kvox/context.h>
#include <kvox/ct.h>
#include <kvox/device.h>
#include <kvox/mri.h>
#include <kvox/phantom.h>
#include <kvox/picture.h>
#include <kvox/quality.h>
#include <kvox/volume.h>

#endif
