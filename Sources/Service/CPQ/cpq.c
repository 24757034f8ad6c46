// Hidden symbols: libpq's own calls of these functions must not resolve to the wrappers in this program.
#pragma GCC visibility push(hidden)
#include "cpq.h"
// The result is only compared with NULL, so the real type (PQconninfoOption *) is not declared.
void *PQconninfoParse(const char *address, char **message);
void PQconninfoFree(void *options);
#pragma GCC visibility pop

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

#define FUNCTIONS(each)                                                                                                \
    each(PQconnectdbParams) each(PQfinish) each(PQstatus) each(PQtransactionStatus) each(PQerrorMessage)              \
    each(PQsetNoticeProcessor) each(PQsetnonblocking) each(PQsocket) each(PQsendQuery) each(PQsendPrepare)            \
    each(PQsendQueryPrepared) each(PQflush) each(PQconsumeInput) each(PQisBusy) each(PQgetResult)                     \
    each(PQresultStatus) each(PQresultErrorField) each(PQntuples) each(PQnfields) each(PQgetisnull)                   \
    each(PQgetlength) each(PQgetvalue) each(PQclear) each(PQfreemem) each(PQconninfoParse) each(PQconninfoFree)

#define MEMBER(name) __typeof__(&name) name;
static struct { FUNCTIONS(MEMBER) } library;
static char problem[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
    void *handle = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        snprintf(problem, sizeof problem, "libpq is not there (Debian: apt install libpq5): %s", dlerror());
        return;
    }
#define FIND(name)                                                                                                     \
    library.name = (__typeof__(library.name))dlsym(handle, #name);                                                     \
    if (!library.name) snprintf(problem, sizeof problem, "this libpq has no %s", #name);
    FUNCTIONS(FIND)
}

const char *cpq_problem(void) {
    pthread_once(&once, load);
    return problem[0] ? problem : NULL;
}

PGconn *PQconnectdbParams(const char *const *keywords, const char *const *values, int expand_dbname) {
    return cpq_problem() ? NULL : library.PQconnectdbParams(keywords, values, expand_dbname);
}

char *cpq_malformed(const char *address) {
    char *message = NULL;
    if (cpq_problem()) return NULL;
    void *options = library.PQconninfoParse(address, &message);
    if (options) library.PQconninfoFree(options);
    return message;
}

// Callers of these have a connection or a result, so libpq is loaded.
void PQfinish(PGconn *connection) { library.PQfinish(connection); }
ConnStatusType PQstatus(const PGconn *connection) { return library.PQstatus(connection); }
PGTransactionStatusType PQtransactionStatus(const PGconn *connection) {
    return library.PQtransactionStatus(connection);
}
char *PQerrorMessage(const PGconn *connection) { return library.PQerrorMessage(connection); }
PQnoticeProcessor PQsetNoticeProcessor(PGconn *connection, PQnoticeProcessor processor, void *argument) {
    return library.PQsetNoticeProcessor(connection, processor, argument);
}
int PQsetnonblocking(PGconn *connection, int flag) { return library.PQsetnonblocking(connection, flag); }
int PQsocket(const PGconn *connection) { return library.PQsocket(connection); }
int PQsendQuery(PGconn *connection, const char *query) { return library.PQsendQuery(connection, query); }
int PQsendPrepare(PGconn *connection, const char *name, const char *query, int count, const Oid *types) {
    return library.PQsendPrepare(connection, name, query, count, types);
}
int PQsendQueryPrepared(
    PGconn *connection, const char *name, int count, const char *const *values, const int *lengths, const int *formats,
    int result_format) {
    return library.PQsendQueryPrepared(connection, name, count, values, lengths, formats, result_format);
}
int PQflush(PGconn *connection) { return library.PQflush(connection); }
int PQconsumeInput(PGconn *connection) { return library.PQconsumeInput(connection); }
int PQisBusy(PGconn *connection) { return library.PQisBusy(connection); }
PGresult *PQgetResult(PGconn *connection) { return library.PQgetResult(connection); }
ExecStatusType PQresultStatus(const PGresult *result) { return library.PQresultStatus(result); }
char *PQresultErrorField(const PGresult *result, int field) { return library.PQresultErrorField(result, field); }
int PQntuples(const PGresult *result) { return library.PQntuples(result); }
int PQnfields(const PGresult *result) { return library.PQnfields(result); }
int PQgetisnull(const PGresult *result, int row, int column) { return library.PQgetisnull(result, row, column); }
int PQgetlength(const PGresult *result, int row, int column) { return library.PQgetlength(result, row, column); }
char *PQgetvalue(const PGresult *result, int row, int column) { return library.PQgetvalue(result, row, column); }
void PQclear(PGresult *result) { library.PQclear(result); }
void PQfreemem(void *memory) { library.PQfreemem(memory); }
