/* Kvox: raw files of MRI scanners, read one readout at a time. Part of libkvox-io; kvox/io.h says what its failures
 * mean. */
#ifndef KVOX_IO_MRI_H
#define KVOX_IO_MRI_H

#include <kvox/context.h>
#include <kvox/mri_readout.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * By the extension: ISMRMRD (.h5, .hdf5, .mrd: HDF5 with dataset/xml and dataset/data), Siemens twix (.dat). Opening
 * reads the protocol and where the readouts lie; samples are read when they are asked for, so memory is that of one
 * readout and of an index. Of a header with several encodings the first makes the protocol, and the context's log says
 * so. What names the patient, the place or the day is neither kept nor logged.
 *
 * Twix files are those of the lines VD and VE, read as measured ones are, and VB, read as its layout was published: no
 * measured VB file was at hand. Of several measurements the last is read. A file without the mark of its end is read as
 * far as it goes, an EPI without a flag for reversed lines by its segments. The log says each of these. Where k = 0
 * lies and which lines there are is taken from the readouts, not from the header's text. Packets without samples are no
 * readouts. Axes are given so that the transform of kvox/mri_readout.h holds: opposite to those of the scanner, whose
 * own transform has the other sign. Samples of noise are as far apart as a sampling of 130 Hz a sample makes them: no
 * header says it.
 *
 * An open file is for one thread at a time; it holds its context.
 */
typedef struct kvox_io_mri kvox_io_mri;
KVOX_API kvox_status kvox_io_mri_open(kvox_context *context, const char *path, kvox_io_mri **file);
KVOX_API void kvox_io_mri_close(kvox_io_mri *file);

/* Copies what the scan was set up to be. */
KVOX_API kvox_status kvox_io_mri_protocol(const kvox_io_mri *file, kvox_mri_protocol *protocol);

/* How many readouts there are, of all uses; 0 where `file` is NULL. */
KVOX_API int64_t kvox_io_mri_readouts(const kvox_io_mri *file);

/*
 * Readout `index` (0 to count - 1) in the order of the file, quickest in that order. Its data and trajectory are the
 * file's, valid until the next read or close, also one that fails. The samples are as they were measured: reversed
 * readouts are flagged, not turned; values that are not finite pass. Coils, samples and counters may differ from
 * readout to readout and lie outside the protocol's limits: who sorts them judges them.
 */
KVOX_API kvox_status kvox_io_mri_read(kvox_io_mri *file, int64_t index, kvox_mri_readout *readout);

#ifdef __cplusplus
}
#endif

#endif
