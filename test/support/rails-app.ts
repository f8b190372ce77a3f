/** A small app of Rails, without a database: a page of ERB with a session and a form, and JSON. */
export const railsApp = (source: string): Record<string, string> => ({
  Gemfile: `source '${source}'\ngem 'rails', '~> 6.1'\ngem 'puma', '~> 5.0'\n`,
  Rakefile: "require_relative 'config/application'\nRails.application.load_tasks\n",
  'config.ru': "require_relative 'config/environment'\nrun Rails.application\n",
  'config/boot.rb': "require 'bundler/setup'\nrequire 'bootsnap/setup'\n",
  'config/application.rb': `
    require_relative 'boot'
    require 'rails'
    require 'active_model/railtie'
    require 'active_job/railtie'
    require 'action_controller/railtie'
    require 'action_view/railtie'

    module Shop
      class Application < Rails::Application
        config.load_defaults 6.1
        config.eager_load = true
        config.cache_classes = true
        config.consider_all_requests_local = false
        config.logger = ActiveSupport::TaggedLogging.new(ActiveSupport::Logger.new(STDOUT))
      end
    end
  `,
  'config/environment.rb': "require_relative 'application'\nRails.application.initialize!\n",
  'config/routes.rb': `
    Rails.application.routes.draw do
      root 'pages#index'
      get '/strip', to: 'pages#strip'
      get '/items', to: 'items#index'
    end
  `,
  'app/controllers/pages_controller.rb': `
    class PagesController < ActionController::Base
      def index
        session[:count] = session.fetch(:count, 0) + 1
        @name = params.fetch(:name, 'you')
      end

      def strip = render(plain: helpers.strip_tags('<b>bold</b>'))
    end
  `,
  'app/controllers/items_controller.rb': `
    class ItemsController < ActionController::API
      def index = render(json: { items: [1, 2], at: Time.zone.at(0), price: '1.50'.to_d })
    end
  `,
  'app/views/pages/index.html.erb': `<h1>Hello, <%= @name %>: <%= session[:count] %></h1>
<%= form_with url: items_path do |form| %><%= form.text_field :name %><% end %>
`,
  'app/views/layouts/application.html.erb':
    '<html><head><%= csrf_meta_tags %></head><body><%= yield %></body></html>\n',
});
