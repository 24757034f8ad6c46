// Linux system interfaces that Swift's Glibc module does not import. Declarations and thin inline wrappers only.
#pragma once
#include "descriptors.h"
#include "epoll.h"
#include "library.h"
#include "mmsg.h"
#include "tcp.h"
