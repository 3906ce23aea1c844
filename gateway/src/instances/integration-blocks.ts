/** What creation and list need of the webhook and WebSocket configuration; `events/` provides it. */

export interface WebhookSettings {
  label: string
  enabled: boolean
  url: string
  authorization: string
  byEvents: boolean
  events: string[]
  mediaBase64: boolean
}

export interface WebSocketSettings {
  enabled: boolean
  events: string[]
  mediaBase64: boolean
}

export interface IntegrationBlocks {
  webhooks: {
    /** Throws ApiError for what cannot be. */
    configure(instanceId: string, webhook: WebhookInput): Promise<WebhookSettings>
    all(instanceId: string): Promise<WebhookSettings[]>
  }
  websocket: {
    configure(instanceId: string, websocket: WebSocketInput): Promise<WebSocketSettings>
    read(instanceId: string): Promise<WebSocketSettings>
  }
}

export interface WebhookInput {
  label: string
  enabled: boolean
  url?: string | null
  authorization?: string | null
  byEvents?: boolean | null
  events?: string[] | null
  mediaBase64?: boolean | null
}

export interface WebSocketInput {
  enabled: boolean
  events?: string[] | null
  mediaBase64?: boolean | null
}

/** The webhook that creation configures and the list shows. */
export const mainLabel = 'default'
