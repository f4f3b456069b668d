/* SPDX-License-Identifier: Apache-2.0
 *
 * Preloaded into the daemon: makes one system call fail when a test asks for it, through a file
 * that both have mapped. See failing_calls.py. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

struct orders {
    char call[32];
    int error;
    int skipped; /* how many calls succeed before it */
    int armed;   /* how many fail then */
    int hits;
};

/* <sys/socket.h> declares these with unions. */
struct sockaddr;
struct ifaddrs;

static struct orders* orders;

__attribute__((constructor)) static void map_orders(void) {
    const char* const path = getenv("FAILING_CALLS");
    const int file = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void* const mapped = mmap(NULL, sizeof *orders, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (mapped != MAP_FAILED) orders = mapped;
}

static int fails(const char* call) {
    if (orders == NULL || __atomic_load_n(&orders->armed, __ATOMIC_ACQUIRE) <= 0) return 0;
    if (strcmp(orders->call, call) != 0) return 0;
    if (__atomic_fetch_sub(&orders->skipped, 1, __ATOMIC_ACQ_REL) > 0) return 0;
    if (__atomic_fetch_sub(&orders->armed, 1, __ATOMIC_ACQ_REL) <= 0) return 0;
    __atomic_fetch_add(&orders->hits, 1, __ATOMIC_ACQ_REL);
    errno = orders->error;
    return 1;
}

/* The real function, looked up once. */
#define REAL(name)                                          \
    static __typeof__(name)* real;                          \
    if (real == NULL) real = (__typeof__(name)*)dlsym(RTLD_NEXT, #name)

#define WRAP(type, name, parameters, arguments) \
    type name parameters;                       \
    type name parameters {                      \
        REAL(name);                             \
        if (fails(#name)) return -1;            \
        return real arguments;                  \
    }

WRAP(int, socket, (int domain, int kind, int protocol), (domain, kind, protocol))
WRAP(int, connect, (int fd, const struct sockaddr* to, socklen_t size), (fd, to, size))
WRAP(int, accept4, (int fd, struct sockaddr* from, socklen_t* size, int flags),
     (fd, from, size, flags))
WRAP(int, bind, (int fd, const struct sockaddr* to, socklen_t size), (fd, to, size))
WRAP(int, listen, (int fd, int backlog), (fd, backlog))
WRAP(int, pipe2, (int ends[2], int flags), (ends, flags))
WRAP(int, setsockopt, (int fd, int level, int name, const void* value, socklen_t size),
     (fd, level, name, value, size))
WRAP(int, getsockopt, (int fd, int level, int name, void* value, socklen_t* size),
     (fd, level, name, value, size))
WRAP(int, getsockname, (int fd, struct sockaddr* into, socklen_t* size), (fd, into, size))
WRAP(int, getifaddrs, (struct ifaddrs** all), (all))
WRAP(ssize_t, splice, (int in, off64_t* at, int out, off64_t* to, size_t size, unsigned flags),
     (in, at, out, to, size, flags))
WRAP(ssize_t, send, (int fd, const void* from, size_t size, int flags), (fd, from, size, flags))
WRAP(ssize_t, recv, (int fd, void* into, size_t size, int flags), (fd, into, size, flags))

/* Makes OpenSSL run out of memory. */
#define WRAP_NULL(type, name, parameters, arguments) \
    type name parameters;                            \
    type name parameters {                           \
        REAL(name);                                  \
        if (fails(#name)) return NULL;               \
        return real arguments;                       \
    }

WRAP_NULL(void*, SSL_new, (void* context), (context))
WRAP_NULL(void*, BIO_new, (const void* method), (method))

/* Only a new descriptor can fail for lack of room. */
int epoll_ctl(int set, int operation, int fd, struct epoll_event* event) {
    REAL(epoll_ctl);
    if (operation == EPOLL_CTL_ADD && fails("epoll_ctl")) return -1;
    return real(set, operation, fd, event);
}

int fcntl(int fd, int command, ...) {
    REAL(fcntl);
    va_list list;
    va_start(list, command);
    void* const argument = va_arg(list, void*);
    va_end(list);
    if (fails("fcntl")) return -1;
    return real(fd, command, argument);
}

/* The thread gives up CAP_NET_ADMIN. The kernel itself refuses what it asks for from now on. */
static void give_up_network_administration(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct rights[_LINUX_CAPABILITY_U32S_3];
    if (syscall(SYS_capget, &header, rights) != 0) return;
    rights[CAP_NET_ADMIN / 32].effective &= ~(1U << (CAP_NET_ADMIN % 32));
    rights[CAP_NET_ADMIN / 32].permitted &= ~(1U << (CAP_NET_ADMIN % 32));
    syscall(SYS_capset, &header, rights);
}

ssize_t sendto(int fd, const void* from, size_t size, int flags, const struct sockaddr* to,
               socklen_t to_size) {
    REAL(sendto);
    if (fails("capability")) give_up_network_administration();
    return real(fd, from, size, flags, to, to_size);
}
