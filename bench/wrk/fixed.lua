-- One request over and over. Arguments: METHOD PATH [JSON BODY]
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "summary.lua")

function init(args)
   wrk.method, wrk.path, wrk.body = args[1], args[2], args[3]
   if wrk.body then
      wrk.headers["Content-Type"] = "application/json"
   end
end
