import HTTPServing
import JSON

/// The OpenAPI description of the HTTP API of an origin, index or agent, which it serves at `/openapi.json`.
package enum RegistryDescription {
    /// - Parameters:
    ///   - title: the role: origin, index or agent.
    ///   - description: what the role does, and which calls `routes` leaves out: those of the OCI distribution API, which
    ///     has its own specification.
    package static func table(title: String, description: String, routes: [Route]) -> RouteTable {
        RouteTable(
            title: "Swoop " + title, description: description,
            tokenText: "a token of the registry; programs of the same machine need none, unless the role says so",
            schemas: object(schemas), parameters: object(parameters), routes: routes
        ).describing(at: "/openapi.json", access: .role(RegistryRoles.pull))
    }

    private static func object(_ text: String) -> JSONObject {
        (try? JSONValue.parse(Array("{\(text)}".utf8)).objectValue) ?? JSONObject()
    }

    private static let schemas = """
        "Problem":{"type":"object","description":"an error of /v1 (RFC 9457)","properties":{"title":{"type":"string"},\
        "status":{"type":"integer"},"code":{"type":"string"},"detail":{"type":"string"},"advice":{"type":"string"},\
        "digests":{"type":"array","items":{"type":"string"}}}},
        "Digest":{"type":"object","required":["digest"],"properties":{"digest":{"type":"string",\
        "pattern":"^sha256:[0-9a-f]{64}$"}}},
        "Reference":{"type":"object","required":["reference"],"properties":{"reference":{"type":"string",\
        "description":"NAME:TAG, or NAME@DIGEST"}}},
        "Warming":{"type":"object","required":["reference"],"properties":{"reference":{"type":"string"},\
        "hosts":{"description":"how many agents, or all","oneOf":[{"type":"integer","minimum":1},{"const":"all"}]}}},
        "WarmReport":{"type":"object","required":["watcher","state"],"properties":{"watcher":{"type":"string"},\
        "state":{"type":"string"},"done":{"type":"integer"},"total":{"type":"integer"},"detail":{"type":"string"}}},
        "Doubt":{"type":"object","properties":{"piece":{"type":"integer"}}}
        """

    private static let parameters = """
        "limit":{"name":"limit","in":"query","schema":{"type":"integer","minimum":1},"description":\
        "entries of the reply, at most"},
        "after":{"name":"after","in":"query","schema":{"type":"string"},"description":\
        "what the reply before has as 'next'"},
        "offset":{"name":"offset","in":"query","schema":{"type":"string"},"description":\
        "the last entry of the part before"},
        "prefix":{"name":"prefix","in":"query","schema":{"type":"string"},"description":"of the names"},
        "tags":{"name":"tag","in":"query","schema":{"type":"array","items":{"type":"string"}},"description":\
        "tags that are to name it"},
        "dryRun":{"name":"dry_run","in":"query","schema":{"type":"boolean"},"description":"only counts"},
        "wait":{"name":"wait","in":"query","schema":{"type":"boolean"},"description":"false: the answer comes at once"},
        "ifMatch":{"name":"If-Match","in":"header","schema":{"type":"string"},"description":\
        "the digest that the tag is to have, in quotation marks; another one is a 412"},
        "ifNoneMatch":{"name":"If-None-Match","in":"header","schema":{"type":"string"},"description":\
        "of a GET the digest that is known: a 304; of a change *: only where there is none"},
        "range":{"name":"Range","in":"header","schema":{"type":"string"},"description":"bytes=FIRST-LAST"},
        "watcher":{"name":"id","in":"query","required":true,"schema":{"type":"string","pattern":"^[0-9a-f]{32}$"},\
        "description":"of the agent's choice"},
        "host":{"name":"host","in":"query","schema":{"type":"string"}},
        "site":{"name":"site","in":"query","schema":{"type":"string"}},
        "epoch":{"name":"epoch","in":"query","schema":{"type":"string"},"description":"of the reply before"},
        "last":{"name":"last","in":"query","schema":{"type":"integer"},"description":"of the reply before"},
        "hold":{"name":"wait","in":"query","schema":{"type":"number"},"description":"seconds to wait for news"}
        """
}
