/* Preloaded into user-mode-linux on processors with AMX. Kernels of it before 6.13 set a traced process's extended state from a buffer of
 * 2,696 bytes, and a host whose state is larger (11,008 bytes with AMX) answers EFAULT unless it is given all of it. The rest is
 * zero, which is AMX's initial state. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PEEK_FIRST = 1, PEEK_LAST = 3, SETREGSET = 0x4205, X86_XSTATE = 0x202 };

long ptrace(int request, ...)
{
	static int too_small;
	static char whole[32768];
	va_list arguments;
	va_start(arguments, request);
	long pid = va_arg(arguments, int);
	void *address = va_arg(arguments, void *), *data = va_arg(arguments, void *);
	va_end(arguments);

	if (request >= PEEK_FIRST && request <= PEEK_LAST) { /* the system call stores the word, the library's function returns it */
		long word, result = syscall(SYS_ptrace, request, pid, address, &word);
		return result < 0 ? result : (errno = 0, word);
	}
	int extended = request == SETREGSET && (long)address == X86_XSTATE;
	if (!extended || !too_small) {
		long result = syscall(SYS_ptrace, request, pid, address, data);
		if (result >= 0 || !extended || errno != EFAULT)
			return result;
		too_small = 1;
	}
	struct iovec *given = data, padded = { whole, sizeof whole };
	memset(whole, 0, sizeof whole);
	memcpy(whole, given->iov_base, given->iov_len);
	return syscall(SYS_ptrace, request, pid, address, &padded);
}
