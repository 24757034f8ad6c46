// Every function of this target is inline; a C target needs one source file to be built.
#include "CLinux.h"
