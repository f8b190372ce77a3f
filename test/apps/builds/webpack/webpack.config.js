const HtmlPlugin = require('html-webpack-plugin');
const CssPlugin = require('mini-css-extract-plugin');

module.exports = {
  cache: { type: 'filesystem' },
  infrastructureLogging: { level: 'verbose' },
  output: { filename: '[name].[contenthash].js', clean: true },
  module: {
    rules: [
      { test: /\.js$/, exclude: /node_modules/, use: { loader: 'babel-loader', options: { presets: ['@babel/preset-env'] } } },
      { test: /\.scss$/, use: [CssPlugin.loader, 'css-loader', 'sass-loader'] },
      { test: /\.svg$/, type: 'asset/resource' },
    ],
  },
  plugins: [new HtmlPlugin({ title: 'Packed' }), new CssPlugin({ filename: '[name].[contenthash].css' })],
};
