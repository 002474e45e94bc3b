/* Ends the program with the library's message if a call fails. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <davegan.h>

#include <stdio.h>
#include <stdlib.h>

#define CHECK(call)                                      \
    do {                                                 \
        if ((call) != DAVEGAN_OK) {                      \
            fprintf(stderr, "%s\n", davegan_last_error()); \
            exit(1);                                     \
        }                                                \
    } while (0)

#endif
