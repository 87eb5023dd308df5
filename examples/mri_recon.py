"""A raw MRI file to an image: mri_recon.py RAW IMAGE.npy"""
import sys

import kvox

images = kvox.mri.reconstruct(sys.argv[1])
kvox.io.write_array(sys.argv[2], images.array)  # [frame, z, y, x]
