-- Of the stand-in for marathon-lb: shows the maps beside the configuration.
local function show(name, map)
  core.register_service(name, "http", function(applet)
    local file = io.open("/var/lib/marathon-lb/" .. map, "rb")
    local text = file and file:read("*a") or ""
    if file then file:close() end
    applet:set_status(200)
    applet:add_header("content-length", #text)
    applet:add_header("content-type", "text/plain")
    applet:start_response()
    applet:send(text)
  end)
end

show("getvhostmap", "domain2backend.map")
show("getappmap", "app2backend.map")
