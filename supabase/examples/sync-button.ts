// The Sync button of a settings page: asks for a sync, and tells what agentctl then writes to the product's own row.
import type { SupabaseClient } from "@supabase/supabase-js"
import type { Database } from "../types.ts"

type Row = { id: string; elevenlabs_synced_at: string | null; elevenlabs_sync_error: string | null }
type Table = { Row: Row; Insert: Partial<Row>; Update: Partial<Row>; Relationships: [] }
type Product = { public: Omit<Database["public"], "Tables"> & { Tables: { phone_assistants: Table } } }

export async function sync(supabase: SupabaseClient<Product>, id: string, tell: (text: string) => void) {
  const outcome = async () => {
    const columns = "elevenlabs_synced_at, elevenlabs_sync_error"
    const { data, error } = await supabase.from("phone_assistants").select(columns).eq("id", id).maybeSingle()
    if (error) throw new Error(error.message)
    return data
  }
  const before = JSON.stringify(await outcome())
  const { error } = await supabase.rpc("agentctl_request_sync", { key: id })
  if (error) return tell(error.message)
  tell("Syncing …")
  // A sync that ran already may end first: what is there counts when nothing new has come for three seconds.
  for (let looks = 0, still = 0, last = before; looks < 120; looks++) {
    await new Promise((later) => setTimeout(later, 250))
    const now = await outcome(), seen = JSON.stringify(now)
    still = seen === last ? still + 1 : 0
    last = seen
    if (now && seen !== before && still === 12) return tell(now.elevenlabs_sync_error ?? "Live.")
  }
  tell("Nothing new yet. It is done as soon as a worker runs.")
}
