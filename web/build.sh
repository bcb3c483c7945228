#!/bin/sh
# build.sh: packages (pinned, by package-lock.json), types, unit tests, then the page into web/dist.
# Skips the packages when the lock file has not changed since they were installed.
set -eu
cd "$(dirname "$0")"
stamp=node_modules/.lock-installed
if ! cmp -s package-lock.json "$stamp"; then
    npm ci --no-progress
    cp package-lock.json "$stamp"
fi
npm run --silent check
npm run --silent test
npm run --silent build
