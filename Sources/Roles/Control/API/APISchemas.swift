import HTTPServing
import JSON

/// Schemas, parameters and answers for the API's OpenAPI description.
enum APISchemas {
    static func answers(_ statuses: [Int]) -> [Route.Answer] {
        (statuses + [401, 403, 429, 500, 503]).map { status in
            switch status {
            case 200: Route.Answer(200, "done", schema: "Document")
            case 201: Route.Answer(201, "made", schema: "Document")
            default:
                Route.Answer(status, text[status] ?? "refused", type: "application/problem+json", schema: "Problem")
            }
        }
    }

    private static let text = [
        400: "the request cannot be understood", 401: "no token, or one that is not in force",
        403: "the token does not allow that", 404: "there is no such thing", 408: "the body took too long",
        409: "the state does not allow it", 412: "it was changed since", 413: "the body is too large",
        422: "what is asked cannot be done", 428: "If-Match is missing", 429: "too many requests",
        500: "what is kept cannot be read", 503: "control does not reach its database",
    ]

    private static func object(_ text: String) -> JSONObject {
        (try? JSONValue.parse(Array("{\(text)}".utf8)).objectValue) ?? JSONObject()
    }

    static let schemas = object(
        """
        "Document":{"type":"object"},
        "Nothing":{"type":"object","additionalProperties":false},
        "Problem":{"type":"object","required":["status","code","detail","advice","request_id"],"properties":{\
        "type":{"type":"string"},"title":{"type":"string"},"status":{"type":"integer"},"code":{"type":"string"},\
        "detail":{"type":"string"},"advice":{"type":"string"},"request_id":{"type":"string"}}},
        "NewToken":{"type":"object","additionalProperties":false,"properties":{"uses":{"type":"integer","minimum":1,\
        "maximum":1000000},"ttl":{"type":"string","examples":["1h"]},"name":{"type":"string","maxLength":63},\
        "labels":{"type":"object","additionalProperties":{"type":"string"}},"approve":{"type":"boolean"},\
        "ephemeral":{"type":"boolean"}}},
        "NewAPIToken":{"type":"object","required":["name"],"additionalProperties":false,"properties":{\
        "name":{"type":"string","minLength":1,"maxLength":63},"role":{"enum":["viewer","operator","admin"]},\
        "classes":{"type":"array","items":{"type":"string"}},"ttl":{"type":"string","examples":["90d"]}}},
        "NodeChange":{"type":"object","additionalProperties":false,"properties":{"name":{"type":"string"},\
        "labels":{"type":"object","additionalProperties":{"type":["string","null"]}},\
        "state":{"enum":["active","drained","revoked"]},"now":{"type":"boolean"}}},
        "ClassDefinition":{"type":"object","required":["targets"],"properties":{"targets":{"type":["string","array"]}}},
        "Revert":{"type":"object","required":["version"],"additionalProperties":false,"properties":{\
        "version":{"type":"integer","minimum":1}}},
        "Rollback":{"type":"object","additionalProperties":false,"properties":{"to":{"type":"array",\
        "items":{"type":"string"}},"waves":{"type":"boolean"}}},
        "NewJob":{"type":"object","required":["class","node","path"],"additionalProperties":false,"properties":{\
        "class":{"type":"string"},"node":{"type":"string"},"path":{"type":"string"},"exclude":{"type":"array",\
        "items":{"type":"string"}},"name":{"type":"string"},"to":{"type":"array","items":{"type":"string"}},\
        "at":{"type":"string"},"deadline":{"type":"string"},"priority":{"type":"integer","minimum":0,"maximum":9},\
        "dry_run":{"type":"boolean"}}}
        """)

    static let parameters = object(
        """
        "id":{"name":"id","in":"path","required":true,"schema":{"type":"string"}},
        "name":{"name":"name","in":"path","required":true,"schema":{"type":"string"}},
        "limit":{"name":"limit","in":"query","schema":{"type":"integer","minimum":1,"maximum":1000,"default":100}},
        "after":{"name":"after","in":"query","schema":{"type":"string"},"description":"'next' of the page before"},
        "select":{"name":"select","in":"query","schema":{"type":"string"},"description":"an expression: site=bj, !canary"},
        "state":{"name":"state","in":"query","schema":{"type":"string"}},
        "sort":{"name":"sort","in":"query","schema":{"type":"string"}},
        "class":{"name":"class","in":"query","schema":{"type":"string"}},
        "subject":{"name":"subject","in":"query","schema":{"type":"string"}},
        "action":{"name":"action","in":"query","schema":{"type":"string"}},
        "version":{"name":"version","in":"query","schema":{"type":"integer","minimum":1}},
        "if-match":{"name":"If-Match","in":"header","schema":{"type":"string"},"description":"the ETag of what changes"},
        "if-none-match":{"name":"If-None-Match","in":"header","schema":{"type":"string"},"description":"* to make it"},
        "idempotency-key":{"name":"Idempotency-Key","in":"header","schema":{"type":"string","maxLength":255}},
        "last-event-id":{"name":"Last-Event-ID","in":"header","schema":{"type":"string"}}
        """)
}
