#!/bin/sh
# What the container runs: a data folder that has no prepared model yet is given the image's own, since torch, which
# would prepare it, is not in the image. Then the command `qa` with the arguments of the container.
set -eu
rm -rf "$QA_DATA/models.new"  # of a start that was broken off
if [ ! -e "$QA_DATA/models" ] && [ -d /opt/quotable/models ]; then
    cp -r /opt/quotable/models "$QA_DATA/models.new"
    mv "$QA_DATA/models.new" "$QA_DATA/models"
fi
exec qa "$@"
