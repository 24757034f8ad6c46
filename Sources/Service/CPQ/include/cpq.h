// What this program uses of libpq, PostgreSQL's library for clients. It is loaded when the first connection is made, so that
// a machine without PostgreSQL needs none of it. Declared here as libpq-fe.h has it: its binary interface has been one since
// version 5.0.
#ifndef SWOOP_CPQ_H
#define SWOOP_CPQ_H

typedef struct pg_conn PGconn;
typedef struct pg_result PGresult;
typedef unsigned int Oid;

typedef enum { CONNECTION_OK, CONNECTION_BAD } ConnStatusType;
typedef enum { PGRES_EMPTY_QUERY, PGRES_COMMAND_OK, PGRES_TUPLES_OK } ExecStatusType;
typedef enum { PQTRANS_IDLE } PGTransactionStatusType;
typedef void (*PQnoticeProcessor)(void *argument, const char *message);

// Why libpq cannot be used; null if it can. To be asked before anything else.
const char *cpq_problem(void);

// Why a text is no address of a server; null if it is one. To be freed by PQfreemem.
char *cpq_malformed(const char *address);
void PQfreemem(void *memory);

PGconn *PQconnectdbParams(const char *const *keywords, const char *const *values, int expand_dbname);
void PQfinish(PGconn *connection);
ConnStatusType PQstatus(const PGconn *connection);
PGTransactionStatusType PQtransactionStatus(const PGconn *connection);
char *PQerrorMessage(const PGconn *connection);
PQnoticeProcessor PQsetNoticeProcessor(PGconn *connection, PQnoticeProcessor processor, void *argument);

// Nothing of these waits for the server: PQsocket says what to wait for.
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
