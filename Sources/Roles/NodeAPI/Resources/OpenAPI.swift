/// The description of the resources under /v1 and of the pages, for programs (OpenAPI 3.1).
enum OpenAPI {
    static let text = """
        {"openapi":"3.1.0","info":{"title":"Swoop node","version":"1","description":"The delivery node's operations as \
        resources. The calls of deployed management systems (POST /gentask, /taskfilesquery, /send, /sends, \
        /uploadprogress, /recv, /progress, /cancel) take the same parameters in their envelope."},
        "security":[{"bearer":[]}],
        "components":{"securitySchemes":{"bearer":{"type":"http","scheme":"bearer","description":"apitoken of the \
        configuration; needed where one is set"}},
        "schemas":{\(schemas)},
        "parameters":{\(parameters)}},
        "paths":{\(paths.joined(separator: ",\n"))}}

        """

    private static let schemas = """
        "Description":{"type":"object","required":["desc"],"properties":{"desc":{"type":"string"}}},
        "TaskFilePath":{"type":"object","required":["taskfile"],"properties":{"taskfile":{"type":"string","description":\
        "path of a task file, under one of taskroots"},"reactive":{"type":["boolean","string"]}}},
        "TaskRequest":{"type":"object","required":["dcppath","taskfile"],"properties":{"dcppath":{"type":"string"},\
        "taskfile":{"type":"string"},"basesubdir":{"type":"string"},"btobscdn":{"type":"string","examples":["1:1:1"]},\
        "policy":{"enum":["fulltime","priortime"]},"tracker":{"type":"string"},"seedtime":{"type":["string","integer"]},\
        "datasource":{"enum":["local","obs"]},"obsurl":{"type":"string"},"ak":{"type":"string"},"sk":{"type":"string"},\
        "endpoint":{"type":"string"},"deloldtorrent":{"type":["boolean","string","integer"]}}},
        "Task":{"type":"object","properties":{"taskfile":{"type":"string"},"direction":{"enum":["send","receive"]},\
        "state":{"type":"string","description":"name of the directory that the task is in"},"path":{"type":"string"},\
        "progress":{"type":"object","description":"as progress or uploadprogress has it"}}},
        "Tasks":{"type":"object","properties":{"tasks":{"type":"array","items":{"$ref":"#/components/schemas/Task"}}}}
        """

    private static let parameters = """
        "file":{"name":"file","in":"path","required":true,"schema":{"type":"string"},"description":\
        "SUBDIR-NAME.task.json"},
        "direction":{"name":"direction","in":"query","schema":{"enum":["send","receive"]},"description":\
        "which, where both have a task of that name; receive by default"}
        """

    private static let paths = [
        path("/v1/node", get("Version, time and health")),
        path("/v1/schedules", get("What runs when", type: "text/plain")),
        path("/v1/reload", post("Load the configuration again", nil)),
        path("/v1/tasks", get("Every task of the node", schema: "Tasks")),
        path("/v1/tasks/send", post("Serve content by a task file", "TaskFilePath")),
        path("/v1/tasks/sends", post("Make a task file and serve by it", "TaskRequest")),
        path("/v1/tasks/recv", post("Receive content by a task file", "TaskFilePath")),
        path(
            "/v1/tasks/{file}", get("A task and its progress", of: ["file", "direction"], schema: "Task"),
            operation("delete", "Cancel a task", of: ["file"], schema: "Description")),
        path(
            "/v1/tasks/{file}/events",
            get(
                "A task's progress as server-sent events: progress (data is a Task), gone", of: ["file", "direction"],
                type: "text/event-stream")),
        path("/v1/taskfiles/gen", post("Make torrents and a task file", "TaskRequest")),
        path("/v1/taskfiles/query", post("Whether they are made", "TaskRequest")),
        path("/v1/taskfiles/{file}", get("A finished task file", of: ["file"])),
        path("/metrics", get("Numbers for Prometheus", type: "text/plain")),
        path("/healthz", get("200 when the node can work, else 503 with the reason", type: "text/plain", isOpen: true)),
    ]

    private static func path(_ path: String, _ operations: String...) -> String {
        "\"\(path)\":{\(operations.joined(separator: ","))}"
    }

    private static func get(
        _ summary: String, of names: [String] = [], schema: String? = nil, type: String = "application/json",
        isOpen: Bool = false
    ) -> String {
        operation("get", summary, of: names, schema: schema, type: type, isOpen: isOpen)
    }

    private static func post(_ summary: String, _ body: String?) -> String {
        operation("post", summary, of: [], schema: "Description", body: body)
    }

    private static func operation(
        _ method: String, _ summary: String, of names: [String], schema: String?, type: String = "application/json",
        body: String? = nil, isOpen: Bool = false
    ) -> String {
        let content = schema.map { "{\"schema\":{\"$ref\":\"#/components/schemas/\($0)\"}}" } ?? "{}"
        var text = "\"\(method)\":{\"summary\":\"\(summary)\""
        if isOpen { text += ",\"security\":[]" }
        if !names.isEmpty {
            let references = names.map { "{\"$ref\":\"#/components/parameters/\($0)\"}" }
            text += ",\"parameters\":[\(references.joined(separator: ","))]"
        }
        if let body {
            text += ",\"requestBody\":{\"required\":true,\"content\":{\"application/json\":{\"schema\":"
            text += "{\"$ref\":\"#/components/schemas/\(body)\"}}}}"
        }
        text += ",\"responses\":{\"200\":{\"description\":\"done\",\"content\":{\"\(type)\":\(content)}}"
        if !names.isEmpty { text += ",\"404\":{\"description\":\"no such task\"}" }
        if body != nil { text += ",\"409\":{\"description\":\"the call failed; desc says why\"}" }
        return text + "}}"
    }
}
