#!/usr/bin/env bash
# Runs a test on Oclgrind's device, which simulates kernels and watches them. Fails when the test does, and when Oclgrind
# reports anything: an access out of bounds, a race, a value that was never written, a wrong call of OpenCL.
# oclgrind.sh ICD-LIBRARY FOLDER PROGRAM [ARGUMENT...]; the folder is for this test alone.
set -euo pipefail
library=$1 folder=$2
shift 2
rm -rf "$folder"
mkdir -p "$folder"
# A folder of its own instead of /etc/OpenCL/vendors: no other device is there.
printf '%s\n' "$library" >"$folder/oclgrind.icd"
export OCL_ICD_VENDORS=$folder OCLGRIND_LOG=$folder/kernels.txt
# OCLGRIND_UNINITIALIZED=0 where VkFFT's programs run: Oclgrind 21.10 ends at instructions in them (freeze).
export OCLGRIND_UNINITIALIZED=${OCLGRIND_UNINITIALIZED:-1}
export OCLGRIND_DATA_RACES=1 OCLGRIND_CHECK_API=1 OCLGRIND_MAX_ERRORS=5
export KVOX_BACKEND=opencl KVOX_DEVICE=Oclgrind
status=0
"$@" 2>"$folder/messages.txt" || status=$?
cat "$folder/messages.txt"
[ $status -eq 0 ] || { echo "the test failed ($status)"; exit 1; }
# Kernels are reported in the log, calls on the standard error stream.
if [ -s "$folder/kernels.txt" ] || grep -q '^Oclgrind' "$folder/messages.txt"; then
  cat "$folder/kernels.txt" 2>/dev/null || true
  echo 'Oclgrind reports the above'
  exit 1
fi
