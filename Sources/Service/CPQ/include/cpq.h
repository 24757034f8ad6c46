// The part of libpq, PostgreSQL's client library, that this program uses. libpq is loaded with dlopen when it is first
// needed, so that hosts that use no PostgreSQL need not install it. The declarations match libpq-fe.h. The soname
// libpq.so.5 stands for one binary interface.
#ifndef SWOOP_CPQ_H
#define SWOOP_CPQ_H

typedef struct pg_conn PGconn;
typedef struct pg_result PGresult;
typedef unsigned int Oid;

typedef enum { CONNECTION_OK, CONNECTION_BAD } ConnStatusType;
typedef enum { PGRES_EMPTY_QUERY, PGRES_COMMAND_OK, PGRES_TUPLES_OK } ExecStatusType;
typedef enum { PQTRANS_IDLE } PGTransactionStatusType;
typedef void (*PQnoticeProcessor)(void *argument, const char *message);

// Why libpq cannot be used, or NULL if it can. Call it before any other function here.
const char *cpq_problem(void);

// Why a text is not a valid connection string, or NULL if it is valid. Free the result with PQfreemem.
char *cpq_malformed(const char *address);
void PQfreemem(void *memory);

PGconn *PQconnectdbParams(const char *const *keywords, const char *const *values, int expand_dbname);
void PQfinish(PGconn *connection);
ConnStatusType PQstatus(const PGconn *connection);
PGTransactionStatusType PQtransactionStatus(const PGconn *connection);
char *PQerrorMessage(const PGconn *connection);
PQnoticeProcessor PQsetNoticeProcessor(PGconn *connection, PQnoticeProcessor processor, void *argument);

// These do not block. Wait with poll(2) on PQsocket.
int PQsetnonblocking(PGconn *connection, int flag);
int PQsocket(const PGconn *connection);
int PQsendQuery(PGconn *connection, const char *query);
int PQsendPrepare(PGconn *connection, const char *name, const char *query, int count, const Oid *types);
int PQsendQueryPrepared(
    PGconn *connection, const char *name, int count, const char *const *values, const int *lengths, const int *formats,
    int result_format);
int PQflush(PGconn *connection);
int PQconsumeInput(PGconn *connection);
int PQisBusy(PGconn *connection);
PGresult *PQgetResult(PGconn *connection);

ExecStatusType PQresultStatus(const PGresult *result);
char *PQresultErrorField(const PGresult *result, int field);
int PQntuples(const PGresult *result);
int PQnfields(const PGresult *result);
int PQgetisnull(const PGresult *result, int row, int column);
int PQgetlength(const PGresult *result, int row, int column);
char *PQgetvalue(const PGresult *result, int row, int column);
void PQclear(PGresult *result);

#endif
