import HTTPServing
import JSON

/// The table of the resources under /v1 and the pages.
enum NodeRoutes {
    static func table(_ routes: [Route]) -> RouteTable {
        RouteTable(
            title: "Swoop node",
            description: "The delivery node's operations as resources. The calls of deployed management systems (POST "
                + "/gentask, /taskfilesquery, /send, /sends, /uploadprogress, /recv, /progress, /cancel) take the same "
                + "parameters in their envelope.",
            tokenText: "apitoken of the configuration; needed where one is set", schemas: object(schemas),
            parameters: object(parameters), routes: routes)
    }

    private static func object(_ text: String) -> JSONObject {
        (try? JSONValue.parse(Array("{\(text)}".utf8)).objectValue) ?? JSONObject()
    }

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
        "Job":{"type":"object","properties":{"name":{"type":"string"},"state":{"enum":["receiving","serving","over",\
        "failed"]},"totalBytes":{"type":"integer"},"localBytes":{"type":"integer","description":"of files that lay here \
        already"},"receivedBytes":{"$ref":"#/components/schemas/PerMethod"},"pendingBytes":\
        {"$ref":"#/components/schemas/PerMethod"},"rates":{"$ref":"#/components/schemas/PerMethod"},\
        "uploadRate":{"type":"integer"},"seeding":{"type":"boolean"},"notes":{"type":"string"},\
        "began":{"type":["string","null"],"format":"date-time"},"completed":{"type":["string","null"],\
        "format":"date-time"},"efficiency":{"type":"object","properties":{"ratio":{"type":"number"},\
        "limit":{"type":"string"}}}}},
        "Jobs":{"type":"object","properties":{"jobs":{"type":"array","items":{"$ref":"#/components/schemas/Job"}}}},
        "PerMethod":{"type":"object","properties":{"bt":{"type":"integer"},"obs":{"type":"integer"},\
        "cdn":{"type":"integer"}}},
        "Tasks":{"type":"object","properties":{"tasks":{"type":"array","items":{"$ref":"#/components/schemas/Task"}}}}
        """

    private static let parameters = """
        "file":{"name":"file","in":"path","required":true,"schema":{"type":"string"},"description":\
        "SUBDIR-NAME.task.json"},
        "direction":{"name":"direction","in":"query","schema":{"enum":["send","receive"]},"description":\
        "which, where both have a task of that name; receive by default"}
        """
}
