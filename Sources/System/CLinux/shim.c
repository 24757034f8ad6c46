// Functions of this target are inline where their headers can be; what needs others is in a file of its own.
#include "CLinux.h"
