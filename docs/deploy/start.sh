#!/bin/sh
# Entry point of the container: copies the image's prepared model into a data folder without one, which is faster than preparing it,
# then runs `qa` with the container's arguments.
set -eu
rm -rf "$QA_DATA/models.new"  # of an interrupted start
if [ ! -e "$QA_DATA/models" ] && [ -d /opt/quotable/models ]; then
    cp -r /opt/quotable/models "$QA_DATA/models.new"
    mv "$QA_DATA/models.new" "$QA_DATA/models"
fi
exec qa "$@"
