-- Of the stand-in for marathon-lb: shows the configuration that HAProxy was started with.
local text

core.register_init(function()
  local words = io.open("/proc/self/cmdline", "rb")
  local path, previous
  for word in words:read("*a"):gmatch("[^%z]+") do
    if previous == "-f" then path = word end
    previous = word
  end
  words:close()
  local file = io.open(path, "rb")
  text = file:read("*a")
  file:close()
end)

core.register_service("getconfig", "http", function(applet)
  applet:set_status(200)
  applet:add_header("content-length", #text)
  applet:add_header("content-type", "text/plain")
  applet:start_response()
  applet:send(text)
end)
