// Made by scripts/schema of what signed-in users may reach.
export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[]
export type Database = {
  "public": {
    Tables: {
      [_ in never]: never
    }
    Views: {
      "agentctl_action_items": {
        Row: {
          "conversation_id": string,"done": boolean,"due": string | null,"due_date": string | null,"due_time": string | null,"id": string | null,"position": number,"quote": string | null,"tenant": string,"turn": number | null,"what": string,"who": string | null
        }
        ComputedFields: never
        Insert: {
          "conversation_id"?: string | null,"done"?: boolean | null,"due"?: string | null,"due_date"?: string | null,"due_time"?: string | null,"id"?: never,"position"?: number | null,"quote"?: string | null,"tenant"?: string | null,"turn"?: number | null,"what"?: string | null,"who"?: string | null
        }
        Update: {
          "conversation_id"?: string | null,"done"?: boolean | null,"due"?: string | null,"due_date"?: string | null,"due_time"?: string | null,"id"?: never,"position"?: number | null,"quote"?: string | null,"tenant"?: string | null,"turn"?: number | null,"what"?: string | null,"who"?: string | null
        }
        Relationships: [
          {
            foreignKeyName: "action_items_tenant_conversation_id_fkey"
            columns: ["tenant","conversation_id"]
            isOneToOne: false
            referencedRelation: "agentctl_calls"
            referencedColumns: ["tenant","conversation_id"]
          }
        ]
      },"agentctl_assistants": {
        Row: {
          "agent_id": string,"environment": string,"key": string,"language": string | null,"name": string,"project": string,"tenant": string,"updated_at": string,"workspace": string
        }
        ComputedFields: never
        Insert: {
          "agent_id"?: string | null,"environment"?: string | null,"key"?: string | null,"language"?: string | null,"name"?: string | null,"project"?: string | null,"tenant"?: string | null,"updated_at"?: string | null,"workspace"?: string | null
        }
        Update: {
          "agent_id"?: string | null,"environment"?: string | null,"key"?: string | null,"language"?: string | null,"name"?: string | null,"project"?: string | null,"tenant"?: string | null,"updated_at"?: string | null,"workspace"?: string | null
        }
        Relationships: [
        ]
      },"agentctl_call_turns": {
        Row: {
          "at_secs": number | null,"conversation_id": string,"interrupted": boolean,"message": string | null,"position": number,"role": string,"tenant": string
        }
        ComputedFields: never
        Insert: {
          "at_secs"?: number | null,"conversation_id"?: string | null,"interrupted"?: boolean | null,"message"?: string | null,"position"?: number | null,"role"?: string | null,"tenant"?: string | null
        }
        Update: {
          "at_secs"?: number | null,"conversation_id"?: string | null,"interrupted"?: boolean | null,"message"?: string | null,"position"?: number | null,"role"?: string | null,"tenant"?: string | null
        }
        Relationships: [
          {
            foreignKeyName: "call_turns_tenant_conversation_id_fkey"
            columns: ["tenant","conversation_id"]
            isOneToOne: false
            referencedRelation: "agentctl_calls"
            referencedColumns: ["tenant","conversation_id"]
          }
        ]
      },"agentctl_calls": {
        Row: {
          "agent_id": string | null,"agent_number": string | null,"answer_ms": (number)[] | null,"assistant": string | null,"assistant_name": string | null,"channel": string | null,"conversation_id": string,"direction": string | null,"duration_secs": number | null,"emptied_at": string | null,"environment": string | null,"external_number": string | null,"failure_reason": string | null,"has_recording": boolean | null,"language": string | null,"open_items": number | null,"outcome": string | null,"project": string | null,"started_at": string,"status": string,"stored_at": string,"successful": string | null,"tenant": string,"termination_reason": string | null,"turn_count": number,"updated_at": string
        }
        ComputedFields: never
        Insert: {
          "agent_id"?: string | null,"agent_number"?: string | null,"answer_ms"?: (number)[] | null,"assistant"?: string | null,"assistant_name"?: string | null,"channel"?: string | null,"conversation_id"?: string | null,"direction"?: string | null,"duration_secs"?: number | null,"emptied_at"?: string | null,"environment"?: string | null,"external_number"?: string | null,"failure_reason"?: string | null,"has_recording"?: never,"language"?: string | null,"open_items"?: number | null,"outcome"?: string | null,"project"?: string | null,"started_at"?: string | null,"status"?: string | null,"stored_at"?: string | null,"successful"?: string | null,"tenant"?: string | null,"termination_reason"?: string | null,"turn_count"?: number | null,"updated_at"?: string | null
        }
        Update: {
          "agent_id"?: string | null,"agent_number"?: string | null,"answer_ms"?: (number)[] | null,"assistant"?: string | null,"assistant_name"?: string | null,"channel"?: string | null,"conversation_id"?: string | null,"direction"?: string | null,"duration_secs"?: number | null,"emptied_at"?: string | null,"environment"?: string | null,"external_number"?: string | null,"failure_reason"?: string | null,"has_recording"?: never,"language"?: string | null,"open_items"?: number | null,"outcome"?: string | null,"project"?: string | null,"started_at"?: string | null,"status"?: string | null,"stored_at"?: string | null,"successful"?: string | null,"tenant"?: string | null,"termination_reason"?: string | null,"turn_count"?: number | null,"updated_at"?: string | null
        }
        Relationships: [
        ]
      },"agentctl_declared_outcomes": {
        Row: {
          "elevenlabs_agent_id": string | null,"elevenlabs_phone_number_id": string | null,"elevenlabs_sync_error": string | null,"elevenlabs_synced_at": string | null,"key": string,"tenant": string
        }
        ComputedFields: never
        Insert: {
          "elevenlabs_agent_id"?: string | null,"elevenlabs_phone_number_id"?: string | null,"elevenlabs_sync_error"?: string | null,"elevenlabs_synced_at"?: string | null,"key"?: string | null,"tenant"?: string | null
        }
        Update: {
          "elevenlabs_agent_id"?: string | null,"elevenlabs_phone_number_id"?: string | null,"elevenlabs_sync_error"?: string | null,"elevenlabs_synced_at"?: string | null,"key"?: string | null,"tenant"?: string | null
        }
        Relationships: [
        ]
      },"agentctl_digests": {
        Row: {
          "caller_name": string | null,"caller_number": string | null,"conversation_id": string,"engine": string,"follow_up": boolean | null,"language": string | null,"made_at": string,"outcome": string | null,"sentiment": string | null,"summary": string | null,"tenant": string,"title": string | null
        }
        ComputedFields: never
        Insert: {
          "caller_name"?: string | null,"caller_number"?: string | null,"conversation_id"?: string | null,"engine"?: string | null,"follow_up"?: boolean | null,"language"?: string | null,"made_at"?: string | null,"outcome"?: string | null,"sentiment"?: string | null,"summary"?: string | null,"tenant"?: string | null,"title"?: string | null
        }
        Update: {
          "caller_name"?: string | null,"caller_number"?: string | null,"conversation_id"?: string | null,"engine"?: string | null,"follow_up"?: boolean | null,"language"?: string | null,"made_at"?: string | null,"outcome"?: string | null,"sentiment"?: string | null,"summary"?: string | null,"tenant"?: string | null,"title"?: string | null
        }
        Relationships: [
          {
            foreignKeyName: "digests_tenant_conversation_id_fkey"
            columns: ["tenant","conversation_id"]
            isOneToOne: true
            referencedRelation: "agentctl_calls"
            referencedColumns: ["tenant","conversation_id"]
          }
        ]
      },"agentctl_recordings": {
        Row: {
          "content_type": string | null,"conversation_id": string,"size": number | null,"storage_path": string | null,"stored_at": string,"tenant": string
        }
        ComputedFields: never
        Insert: {
          "content_type"?: string | null,"conversation_id"?: string | null,"size"?: number | null,"storage_path"?: string | null,"stored_at"?: string | null,"tenant"?: string | null
        }
        Update: {
          "content_type"?: string | null,"conversation_id"?: string | null,"size"?: number | null,"storage_path"?: string | null,"stored_at"?: string | null,"tenant"?: string | null
        }
        Relationships: [
        ]
      }
    }
    Functions: {
      "agentctl_mark_done":
      { Args: { "done"?: boolean,"item": string }; Returns: Json
      },
      "agentctl_my_action_items":
      { Args: { "args": Json }; Returns: Json
      },
      "agentctl_my_assistants":
      { Args: { "args": Json }; Returns: Json
      },
      "agentctl_my_call":
      { Args: { "args": Json }; Returns: Json
      },
      "agentctl_my_calls":
      { Args: { "args": Json }; Returns: Json
      },
      "agentctl_my_changes":
      { Args: { "args": Json }; Returns: Json
      },
      "agentctl_my_counts":
      { Args: { "args": Json }; Returns: Json
      },
      "agentctl_my_declared":
      { Args: { "args": Json }; Returns: Json
      },
      "agentctl_my_events":
      { Args: { "args": Json }; Returns: Json
      },
      "agentctl_my_mails":
      { Args: { "args": Json }; Returns: Json
      },
      "agentctl_my_mark":
      { Args: { "args": Json }; Returns: Json
      },
      "agentctl_my_memberships":
      { Args: Record<PropertyKey, never>; Returns: {
          "role": string,"tenant": string
        }[]
      },
      "agentctl_my_queue":
      { Args: { "args": Json }; Returns: Json
      },
      "agentctl_my_raw_event":
      { Args: { "args": Json }; Returns: Json
      },
      "agentctl_my_retry":
      { Args: { "args": Json }; Returns: Json
      },
      "agentctl_my_revisions":
      { Args: { "args": Json }; Returns: Json
      },
      "agentctl_my_roles":
      { Args: { "args": Json }; Returns: Json
      },
      "agentctl_my_save_assistant":
      { Args: { "args": Json }; Returns: Json
      },
      "agentctl_request_sync":
      { Args: { "key": string }; Returns: Json
      }
    }
    Enums: {
      [_ in never]: never
    }
    CompositeTypes: {
      [_ in never]: never
    }
  }
}
type DatabaseWithoutInternals = Omit<Database, '__InternalSupabase'>
type DefaultSchema = DatabaseWithoutInternals[Extract<keyof Database, "public">]
export type Tables<
DefaultSchemaTableNameOrOptions extends
| keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
| { schema: keyof DatabaseWithoutInternals },
TableName extends DefaultSchemaTableNameOrOptions extends {
  schema: keyof DatabaseWithoutInternals
}
? keyof (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
  DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])
: never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
? (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
  DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])[TableName] extends {
  Row: infer R
}
? R
: never
: DefaultSchemaTableNameOrOptions extends keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
? (DefaultSchema["Tables"] & DefaultSchema["Views"])[DefaultSchemaTableNameOrOptions] extends {
  Row: infer R
}
? R
: never
: never
export type TablesInsert<
DefaultSchemaTableNameOrOptions extends
| keyof DefaultSchema["Tables"]
| { schema: keyof DatabaseWithoutInternals },
TableName extends DefaultSchemaTableNameOrOptions extends {
  schema: keyof DatabaseWithoutInternals
}
? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
: never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
  Insert: infer I
}
? I
: never
: DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
  Insert: infer I
}
? I
: never
: never
export type TablesUpdate<
DefaultSchemaTableNameOrOptions extends
| keyof DefaultSchema["Tables"]
| { schema: keyof DatabaseWithoutInternals },
TableName extends DefaultSchemaTableNameOrOptions extends {
  schema: keyof DatabaseWithoutInternals
}
? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
: never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
  Update: infer U
}
? U
: never
: DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
  Update: infer U
}
? U
: never
: never
export type Enums<
DefaultSchemaEnumNameOrOptions extends
| keyof DefaultSchema["Enums"]
| { schema: keyof DatabaseWithoutInternals },
EnumName extends DefaultSchemaEnumNameOrOptions extends {
  schema: keyof DatabaseWithoutInternals
}
? keyof DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"]
: never = never
> = DefaultSchemaEnumNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
? DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"][EnumName]
: DefaultSchemaEnumNameOrOptions extends keyof DefaultSchema["Enums"]
? DefaultSchema["Enums"][DefaultSchemaEnumNameOrOptions]
: never
export type CompositeTypes<
PublicCompositeTypeNameOrOptions extends
| keyof DefaultSchema["CompositeTypes"]
| { schema: keyof DatabaseWithoutInternals },
CompositeTypeName extends PublicCompositeTypeNameOrOptions extends {
  schema: keyof DatabaseWithoutInternals
}
? keyof DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"]
: never = never
> = PublicCompositeTypeNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
? DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"][CompositeTypeName]
: PublicCompositeTypeNameOrOptions extends keyof DefaultSchema["CompositeTypes"]
? DefaultSchema["CompositeTypes"][PublicCompositeTypeNameOrOptions]
: never
export const Constants = {
  "public": {
    Enums: {
    }
  }
} as const
