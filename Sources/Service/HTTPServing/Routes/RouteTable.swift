import HTTPTypes
import Hummingbird
import JSON

/// One path and method of a server: its handler, the required role, and its description for programs.
package struct Route: Sendable {
    /// The required permission.
    package enum Access: Sendable, Hashable {
        /// No credentials are needed.
        case open
        case role(Role)
    }

    /// A possible response, for the description.
    package struct Answer: Sendable {
        let status: Int
        let text: String
        let type: String
        let schema: String?

        package init(_ status: Int, _ text: String, type: String = "application/json", schema: String? = nil) {
            self.status = status
            self.text = text
            self.type = type
            self.schema = schema
        }
    }

    package typealias Handler = @Sendable (Request, ServiceContext) async -> Response

    let method: HTTPRequest.Method
    let path: String
    let summary: String
    let parameters: [String]
    let body: String?
    let answers: [Answer]
    let access: Access
    let handler: Handler
    /// Whether the route is for calls between parts of the same system, and left out of the description.
    var isInternal: Bool { path.contains("/internal/") || path.hasSuffix("/internal") }

    /// - Parameters:
    ///   - path: a template such as `/v1/tasks/{file}`. A value that may contain slashes is written `{name+}`; at most
    ///     one.
    ///   - parameters: names of entries in the table's `parameters`.
    ///   - body: the name of the schema of the request body.
    ///   - answers: the successful one first.
    package init(
        _ method: HTTPRequest.Method, _ path: String, _ summary: String, parameters: [String] = [],
        body: String? = nil, answers: [Answer] = [Answer(200, "done")], access: Access, handler: @escaping Handler
    ) {
        self.method = method
        self.path = path
        self.summary = summary
        self.parameters = parameters
        self.body = body
        self.answers = answers
        self.access = access
        self.handler = handler
    }
}

/// The routes of a server. The router and the OpenAPI description are both made from it, so they always agree.
package struct RouteTable: Sendable {
    let title: String
    let description: String
    let tokenText: String
    let schemas: JSONObject
    let parameters: JSONObject
    private(set) package var routes: [Route]

    /// - Parameters:
    ///   - tokenText: a description of the bearer token.
    ///   - schemas: OpenAPI schemas by name (`components/schemas`).
    ///   - parameters: OpenAPI parameters by name (`components/parameters`).
    package init(
        title: String, description: String, tokenText: String, schemas: JSONObject, parameters: JSONObject,
        routes: [Route]
    ) {
        self.title = title
        self.description = description
        self.tokenText = tokenText
        self.schemas = schemas
        self.parameters = parameters
        self.routes = routes
    }

    /// Paths that need no credentials.
    package var openPaths: Set<String> { Set(routes.filter { $0.access == .open }.map(\.path)) }

    /// - Parameter refuse: builds the response for a caller without the required role.
    package func add(to router: Router<ServiceContext>, refuse: @escaping RefusalAnswer) {
        for route in routes where PathTemplate(route.path) == nil {
            router.on(Self.routerPath(route.path), method: route.method) { request, context in
                await Self.answer(route, request, context, refuse)
            }
        }
        addLongPaths(to: router, refuse: refuse)
    }

    private static let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options, .trace]

    /// Answers GET's routes to HEAD too, and refuses other methods at paths that there are with 405 and `Allow`. To be
    /// called after ``add(to:refuse:)``.
    /// - Parameter streams: whether a route's answer does not end by itself: it has no HEAD. For paths without a value that
    ///   may contain slashes.
    package func addOtherMethods(
        to router: Router<ServiceContext>, refuse: @escaping RefusalAnswer,
        streams: @escaping @Sendable (String) -> Bool = { _ in false }
    ) {
        for (path, routes) in Dictionary(grouping: routes, by: \.path) where PathTemplate(path) == nil {
            let get = routes.first { $0.method == .get && !streams($0.path) }
            var allowed = Set(routes.map(\.method))
            if let get, allowed.insert(.head).inserted {
                router.on(Self.routerPath(path), method: .head) { request, context in
                    await Self.answer(get, request, context, refuse)
                }
            }
            for method in Self.methods where !allowed.contains(method) {
                router.on(Self.routerPath(path), method: method) { [allowed] request, _ in
                    Self.notAllowed(request, allowed, refuse)
                }
            }
        }
        for (prefix, candidates) in longPaths {
            for method in Self.methods where !candidates.contains(where: { $0.route.method == method }) {
                Self.add(prefix, candidates, method, to: router, refuse)
            }
        }
    }

    private static func notAllowed(
        _ request: Request, _ allowed: Set<HTTPRequest.Method>, _ refuse: RefusalAnswer
    ) -> Response {
        let method = request.method
        var response = refuse(request, .methodNotAllowed, "\(method.rawValue) is not possible here")
        response.headers[.allow] = methods.filter(allowed.contains).map(\.rawValue).joined(separator: ", ")
        // The body may not have been read, so the connection cannot serve another request.
        if method != .get, method != .head { response.headers[.connection] = "close" }
        return response
    }

    private static func routerPath(_ path: String) -> RouterPath {
        let parts = path.split(separator: "/").map { part in
            part.hasPrefix("{") ? ":" + part.dropFirst().dropLast() : String(part)
        }
        return RouterPath(parts.joined(separator: "/"))
    }

    private typealias LongPath = (template: PathTemplate, route: Route)

    /// Routes with a value such as `{name+}`, in the order of the table, by the beginning of their paths.
    private var longPaths: [String: [LongPath]] {
        var found: [String: [LongPath]] = [:]
        for route in routes {
            if let template = PathTemplate(route.path) { found[template.prefix, default: []].append((template, route)) }
        }
        return found
    }

    private func addLongPaths(to router: Router<ServiceContext>, refuse: @escaping RefusalAnswer) {
        for (prefix, candidates) in longPaths {
            for method in Set(candidates.map(\.route.method)) {
                Self.add(prefix, candidates, method, to: router, refuse)
            }
        }
    }

    /// Has a method answered at all paths with a prefix. Where several routes match a path, the first one answers.
    private static func add(
        _ prefix: String, _ candidates: [LongPath], _ method: HTTPRequest.Method, to router: Router<ServiceContext>,
        _ refuse: @escaping RefusalAnswer
    ) {
        router.on(RouterPath(prefix + "/**"), method: method) { request, context in
            let path = request.uri.path
            guard let components = PathTemplate.components(of: path) else {
                return refuse(request, .notFound, "no such path")
            }
            var allowed: Set<HTTPRequest.Method> = []
            var found: (route: Route, values: [(name: Substring, value: Substring)])?
            for (template, route) in candidates {
                guard let values = template.match(path, components) else { continue }
                allowed.insert(route.method)
                if route.method == .get { allowed.insert(.head) }
                if route.method == method {
                    found = (route, values)
                    break
                }
                // A route of GET answers HEAD, unless another one does.
                if method == .head, route.method == .get, found == nil { found = (route, values) }
            }
            guard let (route, values) = found else {
                return allowed.isEmpty
                    ? refuse(request, .notFound, "no such path") : notAllowed(request, allowed, refuse)
            }
            var context = context
            for (name, value) in values { context.coreContext.parameters[name] = value }
            return await answer(route, request, context, refuse)
        }
    }

    private static func answer(
        _ route: Route, _ request: Request, _ context: ServiceContext, _ refuse: RefusalAnswer
    ) async -> Response {
        if case .role(let role) = route.access, !context.may(role) {
            let refusal = RequestGuard.Refusal.roleTooLow(needed: role)
            return refuse(request, refusal.status, refusal.text(setting: ""))
        }
        return await route.handler(request, context)
    }

    // MARK: Description

    /// A table with a further route, for the OpenAPI description of this table.
    package func describing(at path: String, access: Route.Access) -> RouteTable {
        var table = self
        func route(_ handler: @escaping Route.Handler) -> Route {
            Route(.get, path, "This description", access: access, handler: handler)
        }
        table.routes.append(route { _, _ in Response(status: .notFound) })
        let description = Response.json(table.openAPI)
        table.routes[table.routes.count - 1] = route { _, _ in description }
        return table
    }

    /// The OpenAPI 3.1 description. Routes that are internal are left out.
    package var openAPI: JSONValue {
        var paths = JSONObject()
        for route in routes where !route.isInternal {
            let path = route.path.replacing("+}", with: "}")
            var operations = paths[path]?.objectValue ?? JSONObject()
            operations[route.method.rawValue.lowercased()] = .object(operation(route))
            paths[path] = .object(operations)
        }
        return .object([
            "openapi": "3.1.0",
            "info": .object([
                "title": .string(title), "version": "1", "description": .string(description),
            ]),
            "security": .array([.object(["bearer": .array([])])]),
            "components": .object([
                "securitySchemes": .object([
                    "bearer": .object([
                        "type": "http", "scheme": "bearer", "description": .string(tokenText),
                    ])
                ]),
                "schemas": .object(schemas), "parameters": .object(parameters),
            ]),
            "paths": .object(paths),
        ])
    }

    private func operation(_ route: Route) -> JSONObject {
        func reference(_ kind: String, _ name: String) -> JSONValue {
            .object(["$ref": .string("#/components/\(kind)/\(name)")])
        }
        var operation: JSONObject = ["summary": .string(route.summary)]
        switch route.access {
        case .open: operation["security"] = .array([])
        case .role(let role): operation["x-role"] = .string("\(role)")
        }
        // Values of the path that are not in `parameters` are described by their names only.
        let described = Set(route.parameters.compactMap { parameters[$0]?["name"]?.stringValue })
        let values = route.path.split(separator: "/").filter { $0.hasPrefix("{") }
            .map { $0.dropFirst().prefix { $0 != "+" && $0 != "}" } }.map(String.init)
        let ownValues = values.filter { !described.contains($0) }.map { name -> JSONValue in
            .object([
                "name": .string(name), "in": "path", "required": .bool(true),
                "schema": .object(["type": "string"]),
            ])
        }
        if !route.parameters.isEmpty || !ownValues.isEmpty {
            operation["parameters"] = .array(ownValues + route.parameters.map { reference("parameters", $0) })
        }
        if let body = route.body {
            operation["requestBody"] = .object([
                "required": .bool(true),
                "content": .object(["application/json": .object(["schema": reference("schemas", body)])]),
            ])
        }
        var responses = JSONObject()
        for answer in route.answers {
            let schema = answer.schema.map { JSONObject(dictionaryLiteral: ("schema", reference("schemas", $0))) }
            responses["\(answer.status)"] = .object([
                "description": .string(answer.text),
                "content": .object(JSONObject(dictionaryLiteral: (answer.type, .object(schema ?? JSONObject())))),
            ])
        }
        operation["responses"] = .object(responses)
        return operation
    }
}
