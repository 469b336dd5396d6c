-- Every row of the table once, in an order that is shuffled but the same each time; then again. Arguments: METHOD PATH with {id}
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "summary.lua")

local ITEMS = 10000
local requests, position = {}, 0

function init(args)
   for id = 1, ITEMS do
      requests[id] = wrk.format(args[1], (args[2]:gsub("{id}", id)))
   end
   math.randomseed(1)
   for last = ITEMS, 2, -1 do
      local other = math.random(last)
      requests[last], requests[other] = requests[other], requests[last]
   end
end

function request()
   position = position % ITEMS + 1
   return requests[position]
end
