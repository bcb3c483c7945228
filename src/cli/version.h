/* version: the build system sets EARSHOT_VERSION; here for those who only want the word. */
#ifndef CLI_VERSION_H
#define CLI_VERSION_H

#ifndef EARSHOT_VERSION
#error "EARSHOT_VERSION comes from meson.build"
#endif

#endif
