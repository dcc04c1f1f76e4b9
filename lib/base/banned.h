/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that must not be used: force-included (-include lib/base/banned.h) in every C file. */
#ifndef WR_BASE_BANNED_H
#define WR_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets strtok atoi atol atoll
#pragma GCC poison asctime ctime gmtime localtime system popen tmpnam mktemp

#endif
